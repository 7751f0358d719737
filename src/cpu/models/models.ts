/** The CPU models by name. */
import { UserError } from '../../user-error.ts';
import { CORTEX_A57 } from './cortex_a57.ts';
import type { CpuModel } from './model.ts';

export const MODELS: readonly CpuModel[] = [CORTEX_A57];

export function modelNamed(name: string): CpuModel {
  const model = MODELS.find((candidate) => candidate.name === name);
  if (!model)
    throw new UserError(
      `--cpu ${name}: no such model; there are ${MODELS.map(({ name: n }) => n).join(', ')}`,
    );
  return model;
}
