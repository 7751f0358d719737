/** The machine's state as named sections of bytes, without RAM: what a checkpoint stores and the state hash covers. */
import { CELL, CpuState, ENGINE_CELLS, STATE_BASE, STATE_SIZE } from '../cpu/state.ts';
import type { Machine } from './machine.ts';

export type Sections = { readonly [name: string]: Uint8Array };

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const parse = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

/** The state between two instructions. Equal states give equal bytes, whichever engine ran. */
export function saveMachine(machine: Machine): Sections {
  const { cores, current, yielded } = machine.processors;
  cores[current].park(machine.state);
  const sections: { [name: string]: Uint8Array } = {
    machine: json({ ...machine.time.save(), current, yielded }),
    devices: json(machine.board.save()),
  };
  for (const { index, parked, mmu } of cores) {
    sections[`cpu${index}`] = architecturalState(parked);
    sections[`tlb${index}`] = json(mmu.save());
  }
  return sections;
}

export function restoreMachine(machine: Machine, sections: Sections): void {
  const { icount, offset, skipped, current, yielded } = parse(sections['machine']);
  machine.time.restore({ icount, offset, skipped });
  machine.board.restore(parse(sections['devices']));
  const { processors } = machine;
  for (const { index, parked, mmu } of processors.cores) {
    parked.set(sections[`cpu${index}`]);
    mmu.restore(parse(sections[`tlb${index}`]));
  }
  processors.current = current;
  processors.yielded = yielded;
  processors.cores[current].unpark(machine.state);
  machine.reload();
}

/** A CPU's block without the engine's cells, and with the flags in the one form that depends on NZCV alone. */
function architecturalState(parked: Uint8Array): Uint8Array {
  const memory = new ArrayBuffer(STATE_BASE + STATE_SIZE);
  new Uint8Array(memory).set(parked, STATE_BASE);
  const state = new CpuState(memory);
  const { nzcv } = state;
  state.nzcv = nzcv;
  for (const cell of ENGINE_CELLS) state.u64[CELL[cell] >>> 3] = 0n;
  return state.bytes.slice(STATE_BASE);
}
