/** The CPU models by name. */
import { UserError } from '../../user-error.ts';
import { CORTEX_A53, CORTEX_A57, CORTEX_A72 } from './armv8_0.ts';
import { CORTEX_A76, NEOVERSE_N1 } from './armv8_2.ts';
import { MAX, MAX_PAUTH_IMPDEF } from './max.ts';
import type { CpuModel } from './model.ts';

export const MODELS: readonly CpuModel[] = [
  CORTEX_A53,
  CORTEX_A57,
  CORTEX_A72,
  CORTEX_A76,
  NEOVERSE_N1,
  MAX,
  MAX_PAUTH_IMPDEF,
];

/** `option`: what the user gave the name with. */
export function modelNamed(name: string, option = '--cpu '): CpuModel {
  const model = MODELS.find((candidate) => candidate.name === name);
  if (!model)
    throw new UserError(
      `${option}${name}: no such CPU model; there are ${MODELS.map(({ name: n }) => n).join(', ')}`,
    );
  return model;
}
