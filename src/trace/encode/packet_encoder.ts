/**
 * The loop over packets that all of a recording's accesses go through, as WebAssembly: physical addresses to the tokens of
 * trace/addresses.ts. Packets, tables and results are in one shared memory: packets in its first bytes, everything else from `base` on.
 *
 * A stream is chosen by a hash of the address's page, and the choice is checked; when the guess is wrong all streams are looked
 * through, if any has a page of that hash: at random accesses none has. Without a branch the token and its operand come out of a table
 * by the difference of the addresses: measured at 3 ns an address where JavaScript takes 12.
 */

import { CodeBuffer } from '../../translate/wasm/expression.ts';
import { ModuleBuilder } from '../../translate/wasm/module.ts';
import { I32, type int, op, type ValueType } from '../../translate/wasm/opcodes.ts';
import {
  CODE_ADDRESS,
  CODE_BYTE,
  CODE_HALF,
  CODE_WORD,
  MAX_TOKEN_BYTES,
  SMALL_DELTAS,
  STREAMS,
} from '../addresses.ts';

const PAGE = 4096;
/** Streams by a hash of their page: a guess that is checked. */
const GUESS_BITS = 8;

/**
 * Offsets from `base`. Eight bytes for each stream's address; for each hash a byte: the guess, which is the stream's offset in the
 * former, and another: how many streams have a page of that hash.
 */
const LAST = 0;
const GUESSES = LAST + 8 * STREAMS;
const COUNTS = GUESSES + 2 ** GUESS_BITS;
/** Two bytes for each difference within a page, from -PAGE on: the token's code, and its bytes. */
const CODES = COUNTS + 2 ** GUESS_BITS;
const CODES_BYTES = 2 * 2 * PAGE;
/** Where a caller's results may begin, 16-byte aligned. */
export const ENCODER_BYTES = CODES + CODES_BYTES;
/** An 8-byte store may go so far beyond the last token. */
export const ENCODER_SLACK = 8;

const codeOfDelta = new Map(SMALL_DELTAS.map((delta, code) => [delta as number, code]));

function codeTable(): Uint8Array {
  const table = new Uint8Array(CODES_BYTES);
  for (let delta = 1 - PAGE; delta < PAGE; delta++) {
    const byte = delta >= -128 && delta < 128;
    const at = 2 * (delta + PAGE);
    table[at] = codeOfDelta.get(delta) ?? (byte ? CODE_BYTE : CODE_HALF);
    table[at + 1] = codeOfDelta.has(delta) ? 1 : byte ? 2 : 3;
  }
  return table;
}

type EncodeAddresses = (from: number, count: number, to: number) => number;

export class PacketEncoder {
  readonly #encodeAddresses: EncodeAddresses;

  /** Uses ENCODER_BYTES of the memory from `base` on, which is a multiple of 16. */
  constructor(memory: WebAssembly.Memory, base: number) {
    const pages = memory.buffer.byteLength / 65536;
    const module = new WebAssembly.Module(encoderModule(pages, base));
    const { exports } = new WebAssembly.Instance(module, { memory: { packets: memory } });
    this.#encodeAddresses = exports[ENCODE] as EncodeAddresses;
    new Uint8Array(memory.buffer).set(codeTable(), base + CODES);
  }

  /** `count` addresses of 8 bytes, of which 48 bits count, become tokens; returns the end. */
  encodeAddresses(from: number, count: number, to: number): number {
    return this.#encodeAddresses(from, count, to);
  }
}

const ENCODE = 'encodeAddresses';

function encoderModule(pages: number, base: number): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory({ module: 'memory', name: 'packets', initial: pages, maximum: pages, address: 'i32' });
  const parameters: readonly ValueType[] = [I32, I32, I32];
  module.addFunction({
    signature: { parameters, results: [I32] },
    locals: { i32: I32_LOCALS, i64: I64_LOCALS },
    body: encodeBody(base),
    exportName: ENCODE,
  });
  return module.build() as Uint8Array<ArrayBuffer>;
}

const NO_TEMPORARIES = { i32: 0, i64: 0, v128: 0, f32: 0, f64: 0 };

/** memory.fill: WebAssembly core specification, 5.4.6. */
const MEMORY_FILL = [0xfc, 11, 0];

// Locals of encodeAddresses, after its parameters.
const FROM = 0;
/** The parameter is a count; then the end of the input. */
const END = 1;
const TO = 2;
/** The hash of the address's page. */
const HASH = 3;
/** Offset of the stream's address: eight times the stream's number. */
const STREAM = 4;
/** What the table says of the difference. */
const ENTRY = 5;
const DELTA = 6;
/** The stream that is replaced next. */
const VICTIM = 7;
/** The hash of the page that it had. */
const LEFT = 8;
const I32_LOCALS = 6;
const ADDRESS = 9;
const BEFORE = 10;
const PREVIOUS = 11;
const I64_LOCALS = 3;

function encodeBody(base: number): Uint8Array {
  const code = new CodeBuffer(NO_TEMPORARIES, 0);
  const { i32, i64 } = {
    i32: (name: keyof typeof int, n?: number) => {
      if (n !== undefined) code.i32(n);
      code.int(name, 32);
    },
    i64: (name: keyof typeof int, n?: number | bigint) => {
      if (n !== undefined) code.i64(n);
      code.int(name, 64);
    },
  };
  const addTo = (local: number, n: number) => {
    code.get(local);
    i32('add', n);
    code.set(local);
  };
  const lastOfStream = () => {
    code.get(STREAM);
    code.memory(op.i64Load, base + LAST);
  };
  /** Whether the address and the stream's are in different pages. */
  const elsewhere = () => {
    lastOfStream();
    code.tee(BEFORE);
    code.get(ADDRESS);
    i64('xor');
    i64('ltU', PAGE);
    i32('eqz');
  };

  // Every packet begins with streams at address 0.
  code.i32(base + LAST);
  code.i32(0);
  code.i32(CODES - LAST);
  code.append(MEMORY_FILL);
  code.i32(0);
  code.i32(STREAMS);
  code.memory(op.i32Store8, base + COUNTS);
  code.get(FROM);
  code.get(END);
  i32('shl', 3);
  i32('add');
  code.set(END);
  const done = code.open(op.block);
  const next = code.open(op.loop);
  code.get(FROM);
  code.get(END);
  i32('ltU');
  i32('eqz');
  code.branchIf(done);
  code.get(FROM);
  code.memory(op.i64Load, 0);
  i64('and', 0xffff_ffff_ffffn);
  code.set(ADDRESS);
  code.get(ADDRESS);
  hashOf();
  code.tee(HASH);
  code.memory(op.i32Load8U, base + GUESSES);
  code.set(STREAM);

  const token = code.open(op.block);
  elsewhere();
  i32('eqz');
  code.branchIf(token);
  // Two pages share the guess, or none has it: look at all streams.
  const found = code.open(op.block);
  const nowhere = code.open(op.block);
  code.get(HASH);
  code.memory(op.i32Load8U, base + COUNTS);
  i32('eqz');
  code.branchIf(nowhere);
  code.i32(8 * (STREAMS - 1));
  code.set(STREAM);
  const search = code.open(op.loop);
  elsewhere();
  i32('eqz');
  code.branchIf(found);
  addTo(STREAM, -8);
  code.get(STREAM);
  i32('ltS', 0);
  i32('eqz');
  code.branchIf(search);
  code.close();
  code.close();
  emitFar();
  code.branch(next);
  code.close();
  code.get(HASH);
  code.get(STREAM);
  code.memory(op.i32Store8, base + GUESSES);
  code.close();

  // A token: the stream, the code, and up to two bytes of the difference behind them.
  code.get(STREAM);
  code.get(ADDRESS);
  code.tee(PREVIOUS);
  code.memory(op.i64Store, base + LAST);
  code.get(ADDRESS);
  code.get(BEFORE);
  i64('sub');
  code.byte(op.i32WrapI64);
  code.tee(DELTA);
  i32('add', PAGE);
  i32('shl', 1);
  code.memory(op.i32Load16U, base + CODES);
  code.set(ENTRY);
  code.get(TO);
  code.get(ENTRY);
  i32('and', 31);
  code.get(STREAM);
  i32('shl', 2);
  i32('or');
  code.get(DELTA);
  i32('shl', 8);
  i32('or');
  code.memory(op.i32Store, 0);
  code.get(TO);
  code.get(ENTRY);
  i32('shrU', 8);
  i32('add');
  code.set(TO);
  addTo(FROM, 8);
  code.branch(next);
  code.close();
  code.close();
  code.get(TO);
  return code.toBytes();

  /** Of the page of the address on the stack; that of page 0 is 0. Multiplicative: pages of arrays and stacks are often a power of two apart. */
  function hashOf(): void {
    i64('shrU', 12);
    code.byte(op.i32WrapI64);
    i32('mul', 0x9e3779b1 | 0);
    i32('shrU', 32 - GUESS_BITS);
  }
  function count(hash: number, by: number): void {
    code.get(hash);
    code.get(hash);
    code.memory(op.i32Load8U, base + COUNTS);
    i32('add', by);
    code.memory(op.i32Store8, base + COUNTS);
  }

  /** The address takes over a stream: as the 32-bit difference to the address before it, or as it is. */
  function emitFar(): void {
    code.get(VICTIM);
    code.memory(op.i64Load, base + LAST);
    hashOf();
    code.set(LEFT);
    count(LEFT, -1);
    count(HASH, 1);
    code.get(VICTIM);
    code.get(ADDRESS);
    code.memory(op.i64Store, base + LAST);
    code.get(HASH);
    code.get(VICTIM);
    code.memory(op.i32Store8, base + GUESSES);
    code.get(ADDRESS);
    code.get(PREVIOUS);
    i64('sub');
    code.set(BEFORE);
    code.get(BEFORE);
    code.get(BEFORE);
    code.byte(op.i64Extend32S);
    i64('eq');
    code.open(op.if);
    far(CODE_WORD, BEFORE, 5);
    code.else();
    far(CODE_ADDRESS, ADDRESS, MAX_TOKEN_BYTES);
    code.close();
    code.get(VICTIM);
    i32('add', 8);
    i32('and', 8 * STREAMS - 1);
    code.set(VICTIM);
    code.get(ADDRESS);
    code.set(PREVIOUS);
    addTo(FROM, 8);
  }
  function far(kind: number, value: number, bytes: number): void {
    code.get(TO);
    code.get(value);
    i64('shl', 8);
    code.get(VICTIM);
    i32('shl', 2);
    i32('or', kind);
    code.byte(op.i64ExtendI32U);
    i64('or');
    code.memory(op.i64Store, 0);
    addTo(TO, bytes);
  }
}
