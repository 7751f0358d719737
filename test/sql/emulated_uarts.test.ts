/** Which addresses a VM stores to are data registers of UARTs. */
import { expect, test } from 'vitest';
import { DivertedStores, UartFinder } from '../../src/sql/emulated_uarts.ts';

const VM = 0x1_0000_4000_0000n;
const BASE = 0x900_0000;

type Store = readonly [ipa: number, data: number | bigint];

const written = (text: string, ipa = BASE): Store[] => [...Buffer.from(text)].map((byte) => [ipa, byte]);
const times = (count: number, stores: (n: number) => readonly Store[]): Store[] =>
  Array.from({ length: count }, (_, n) => stores(n)).flat();

function found(stores: Iterable<Store>, finder = new UartFinder()): number[] {
  for (const [ipa, data] of stores) finder.add({ vttbr: VM, ipa, data: BigInt(data) });
  return [...(finder.found().get(VM) ?? [])];
}

test.each([
  ['a line', written('ok\n')],
  ['lines that only a return ends', written('a b\rc d\r')],
  ['colours, a bell, letters of several bytes', written('\x1b[1mGrüße, 世界 🙂\x1b[0m\x07\r\n')],
  [
    'one store that tries the register among twenty',
    [...written('nineteen of text..\n'), [BASE, 0] as Store],
  ],
])('%s: the address is a UART', (_, stores) => {
  expect(found(stores)).toEqual([BASE]);
});

test.each([
  ['no end of a line', written('text without an end')],
  ['one character and ends of lines', written('A\nA\nA\n')],
  ['an end of a line, and text behind it', written('\nabc')],
  [
    'values above a byte that end in text',
    times(40, (n) => [
      [BASE, 0x100 + n + 0x20],
      [BASE, 0x10a],
    ]),
  ],
  ['queues to notify', times(64, (n) => [[BASE + 0x50, n]])],
  [
    'interrupts to end',
    times(100, () => [
      [BASE, 27],
      [BASE, 1],
      [BASE, 33],
      [BASE, 10],
      [BASE, 45],
    ]),
  ],
  ['a tenth that is no text', times(10, () => [...written('line two\n'), [BASE, 3] as Store])],
  ['bytes of a file', times(512, (n) => [[BASE, (n * 7) & 0xff]])],
  ['letters of several bytes that are none', times(9, () => [...written('ab\n'), [BASE, 0xfc] as Store])],
  [
    'text that goes to an address each',
    [...Buffer.from('a line of text\n')].map((byte, n): Store => [BASE + n, byte]),
  ],
] as [string, Store[]][])('%s: no UART', (_, stores) => {
  expect(found(stores)).toEqual([]);
});

test.each([1, 4])(
  'a 8250 with a register every %i bytes: what its driver stores to find out what it is, and its divisor, is no output',
  (step) => {
    // As Linux does it: a FIFO measured in loopback, and the divisor, again and again; interrupts enabled, and what it tries out.
    const [interrupts, line, modem] = [1, 3, 4].map((register) => BASE + register * step);
    const stores: Store[] = [
      [modem, 0x18],
      ...times(256, (n) => [[BASE, n]]),
      [modem, 0x08],
      ...times(30, (): Store[] => [
        [line, 0x83],
        [BASE, 1],
        [interrupts, 0],
        [line, 0x03],
        [interrupts, 0x0d],
        ...written('hi\n'),
      ]),
    ];
    expect(found(stores)).toEqual([BASE]);
    const diverted = new DivertedStores();
    const printed = stores.filter(([ipa, data]) => !diverted.has(ipa, BigInt(data)) && ipa === BASE);
    expect(printed.length).toBe(90);
  },
);

test('errors that are cleared in a PL011 are no loopback', () => {
  expect(found([[BASE + 4, 0xff], [BASE + 4, 0xffff_ffff], ...written('text\n')])).toEqual([BASE]);
});

test('each VM has UARTs of its own', () => {
  const finder = new UartFinder();
  for (const [ipa, data] of written('mine\n')) {
    finder.add({ vttbr: VM, ipa, data: BigInt(data) });
    finder.add({ vttbr: VM + (1n << 48n), ipa, data: 0n });
  }
  expect([...finder.found().keys()]).toEqual([VM]);
});

test('a guest that stores everywhere, as many a VM, does not hide a UART that prints meanwhile, nor one that comes later', () => {
  const finder = new UartFinder();
  const text = [...Buffer.from('a line\n')];
  for (let n = 0; n < 300_000; n++) {
    finder.add({ vttbr: VM, ipa: 0x8000_0000 + 8 * n, data: BigInt(n) });
    finder.add({ vttbr: BigInt(n), ipa: BASE, data: 0x61n });
    if (n % 1000 === 0) finder.add({ vttbr: VM, ipa: BASE, data: BigInt(text[(n / 1000) % text.length]) });
  }
  expect(found(written('later\n', 0x100_0000), finder)).toEqual([BASE, 0x100_0000]);
});
