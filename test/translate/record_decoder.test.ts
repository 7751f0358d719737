/** Records of instructions that were decoded before are the same as those of the first time. */
import { expect, test } from 'vitest';
import { ROWS } from '../../src/isa/table.ts';
import { RecordDecoder } from '../../src/translate/interpreter/decoder.ts';
import { HandlerFunctions } from '../../src/translate/interpreter/handler_functions.ts';
import { buildInterpreter } from '../../src/translate/interpreter/handlers.ts';
import { RECORD_SIZE } from '../../src/translate/layout.ts';

const plan = buildInterpreter(ROWS, 'none');

function decoder() {
  const memory = new ArrayBuffer(1024);
  const records = new RecordDecoder(memory, plan, new HandlerFunctions('none', plan.firstFunction));
  const decode = (word: number, pageOffset: number, record = 1) => {
    records.write(record * RECORD_SIZE, word, pageOffset);
    return [...new Uint8Array(memory, record * RECORD_SIZE, RECORD_SIZE)];
  };
  return { decode };
}

const ADD = 0x9100_4021; // add x1, x1, #0x10
const LDR_STACK = 0xf940_07e0; // ldr x0, [sp, #8]
const BRANCH = 0x1400_0100; // b . + 0x400

test.each([ADD, LDR_STACK, 0])('%x decodes again to the same record, wherever it stands', (word) => {
  const { decode } = decoder();
  const first = decode(word, 0);
  expect(first[0] | (first[1] << 8)).not.toBe(0);
  expect(decode(word, 0x800, 2)).toEqual(first);
  expect(decoder().decode(word, 0x800)).toEqual(first);
});

test('a branch is decoded anew in each place: whether it stays in its page is part of its record', () => {
  const { decode } = decoder();
  const near = decode(BRANCH, 0);
  const far = decode(BRANCH, 0xf00, 2);
  expect(far).not.toEqual(near);
  expect(decode(BRANCH, 0, 3)).toEqual(near);
});

test('base and stack-pointer forms of one encoding have different handlers', () => {
  const { decode } = decoder();
  const stack = decode(LDR_STACK, 0);
  const plain = decode(0xf940_0420, 0, 2); // ldr x0, [x1, #8]
  expect(stack.slice(0, 2)).not.toEqual(plain.slice(0, 2));
});
