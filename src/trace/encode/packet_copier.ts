/**
 * Copies a packet's lists out of the machine's recording buffers into a slot that the writer reads, as WebAssembly over both memories:
 * a view of each list and the copy by a typed array take three times as long. Conditional branches, a byte each, become bits on the
 * way.
 */
import { CodeBuffer } from '../../translate/wasm/expression.ts';
import { ModuleBuilder, type Signature } from '../../translate/wasm/module.ts';
import { I32, type int, op, simd } from '../../translate/wasm/opcodes.ts';

/**
 * Copies lists of words, each given by its address in the machine's memory and its length, one behind the other, then `atomCount` bytes
 * of 0 and 1 as bits, least significant first; pads to 8 bytes. `to` is a multiple of 8. Returns the end. Reads up to 15 bytes behind
 * the atoms.
 */
export type PacketCopier = (
  to: number,
  targets: number,
  targetCount: number,
  addresses: number,
  addressCount: number,
  registers: number,
  registerCount: number,
  values: number,
  valueCount: number,
  atoms: number,
  atomCount: number,
) => number;

const COPY = 'copy';
const LISTS = 4;
const TO = 0;
const ATOMS = 1 + 2 * LISTS;
const ATOM_COUNT = ATOMS + 1;
const SIGNATURE: Signature = {
  parameters: Array.from({ length: ATOM_COUNT + 1 }, () => I32),
  results: [I32],
};
/** Locals behind the parameters: where the bits end, and how many the last byte has. */
const END = ATOM_COUNT + 1;
const REST = END + 1;

const NO_TEMPORARIES = { i32: 0, i64: 0, v128: 0, f32: 0, f64: 0 };
/** memory.copy from memory 1 to memory 0: WebAssembly core specification, 5.4.6. */
const MEMORY_COPY = [0xfc, 10, 0, 1];
/** Fewer words than this are copied in a loop, which takes less time than the call that memory.copy is. */
const WORTH_A_CALL = 16;
/** i8x16.shl and i8x16.bitmask: 5.4.10. */
const SHIFT_LEFT_BYTES = 107;
const BITMASK = 100;

export function packetCopier(slots: WebAssembly.Memory, machine: WebAssembly.Memory): PacketCopier {
  const module = new ModuleBuilder();
  for (const [name, { buffer }] of Object.entries({ slots, machine })) {
    const pages = buffer.byteLength / 65536;
    module.importMemory({ module: 'memory', name, initial: pages, maximum: pages, address: 'i32' });
  }
  module.addFunction({ signature: SIGNATURE, locals: { i32: 2 }, body: copyBody(), exportName: COPY });
  const compiled = new WebAssembly.Module(module.build() as Uint8Array<ArrayBuffer>);
  const { exports } = new WebAssembly.Instance(compiled, { memory: { slots, machine } });
  return exports[COPY] as PacketCopier;
}

function copyBody(): Uint8Array {
  const code = new CodeBuffer(NO_TEMPORARIES, 0);
  const i32 = (name: keyof typeof int, n?: number) => {
    if (n !== undefined) code.i32(n);
    code.int(name, 32);
  };
  const step = (local: number, by: number) => {
    code.get(local);
    i32('add', by);
    code.set(local);
  };
  for (let list = 0; list < LISTS; list++) copyWords(1 + 2 * list, 2 + 2 * list);
  copyAtoms();
  code.get(END);
  i32('add', 7);
  i32('and', -8);
  return code.toBytes();

  /** The parameters are used up where the words are few. */
  function copyWords(from: number, count: number): void {
    code.get(count);
    i32('ltU', WORTH_A_CALL);
    code.open(op.if);
    const done = code.open(op.block);
    const next = code.open(op.loop);
    code.get(count);
    i32('eqz');
    code.branchIf(done);
    code.get(TO);
    code.get(from);
    code.pool(op.i64Load);
    code.memory(op.i64Store, 0);
    step(TO, 8);
    step(from, 8);
    step(count, -1);
    code.branch(next);
    code.close();
    code.close();
    code.else();
    code.get(TO);
    code.get(from);
    code.get(count);
    i32('shl', 3);
    code.append(MEMORY_COPY);
    code.get(TO);
    code.get(count);
    i32('shl', 3);
    i32('add');
    code.set(TO);
    code.close();
  }

  function copyAtoms(): void {
    code.get(TO);
    code.get(ATOM_COUNT);
    i32('add', 7);
    i32('shrU', 3);
    i32('add');
    code.set(END);
    code.get(ATOM_COUNT);
    i32('and', 7);
    code.set(REST);
    const done = code.open(op.block);
    const next = code.open(op.loop);
    code.get(ATOM_COUNT);
    i32('ltS', 1);
    code.branchIf(done);
    code.get(TO);
    code.get(ATOMS);
    code.simdMemory(simd.load, 0, true);
    code.i32(7);
    code.simd(SHIFT_LEFT_BYTES);
    code.simd(BITMASK);
    code.memory(op.i32Store16, 0);
    step(ATOMS, 16);
    step(ATOM_COUNT, -16);
    step(TO, 2);
    code.branch(next);
    code.close();
    code.close();
    // Behind the last atom is what a longer packet left.
    code.get(REST);
    code.open(op.if);
    code.get(END);
    i32('sub', 1);
    code.get(END);
    i32('sub', 1);
    code.memory(op.i32Load8U, 0);
    code.i32(1);
    code.get(REST);
    i32('shl');
    i32('sub', 1);
    i32('and');
    code.memory(op.i32Store8, 0);
    code.close();
  }
}
