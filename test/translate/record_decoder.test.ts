/** Records depend on the word and its place alone: not on what was learnt from words that were decoded before. */
import { expect, test } from 'vitest';
import { assemble } from '../../src/isa/pattern.ts';
import { ROWS } from '../../src/isa/table.ts';
import { RecordDecoder } from '../../src/translate/interpreter/decoder.ts';
import { HandlerFunctions } from '../../src/translate/interpreter/handler_functions.ts';
import { buildInterpreter } from '../../src/translate/interpreter/handlers.ts';
import { RECORD_SIZE } from '../../src/translate/layout.ts';
import { randomNumbers } from '../random.ts';

const plan = buildInterpreter(ROWS, 'none');

function decoder(functions = new HandlerFunctions('none', plan.firstFunction)) {
  const memory = new ArrayBuffer(1024);
  const records = new RecordDecoder(memory, plan, functions);
  const decode = (word: number, pageOffset: number, record = 1) => {
    new Uint8Array(memory).fill(0);
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

test('words decoded in one order and in the other have the same records', () => {
  const numbers = randomNumbers(1);
  const random = (below: number) => Math.floor(numbers() * below);
  const words = Array.from({ length: 3000 }, () => {
    const { pattern } = ROWS[random(ROWS.length)];
    const fields = pattern.fields.map(({ name, width }) => {
      const most = 2 ** width - 1;
      return [name, [0, most, random(most + 1), random(most + 1)][random(4)]];
    });
    return assemble(pattern, Object.fromEntries(fields));
  });
  const functions = new HandlerFunctions('none', plan.firstFunction);
  const forwards = decoder(functions);
  const backwards = decoder(functions);
  const first = words.map((word) => forwards.decode(word, 0x400));
  const second = words.reverse().map((word) => backwards.decode(word, 0x400));
  second.reverse().forEach((record, n) => {
    expect(record, words[words.length - 1 - n].toString(16)).toEqual(first[n]);
  });
});
