import { describe, expect, it } from 'vitest';
import { GuestDma } from '../../src/machine/guest_dma.ts';
import { GuestMemory, PoolExhausted } from '../../src/machine/memory.ts';
import { testContext } from '../devices/support.ts';

const RAM = 0x4000_0000;
const FLASH = 0;

function setUp(store?: (pa: number, bytes: Uint8Array) => boolean) {
  const memory = new GuestMemory(
    [
      { base: RAM, size: 0x10_0000 },
      { base: FLASH, size: 0x1_0000, rom: true },
    ],
    2 ** 20,
  );
  const { events, context } = testContext();
  const effects: string[] = [];
  const dma = new GuestDma({
    memory,
    store: store ?? ((pa, bytes) => memory.writeBytes(pa, bytes)),
    openMonitor: () => effects.push('monitor'),
    exhausted: () => effects.push('exhausted'),
    events: context.events,
  });
  return { memory, dma, events, effects };
}

describe('devices in guest memory', () => {
  it('write, open the exclusive monitor, and are in table writes', () => {
    const { memory, dma, events, effects } = setUp();
    expect(dma.write(RAM + 4094, Uint8Array.of(1, 2, 3, 4), 'virtio-blk0')).toBe(true);
    expect(memory.readBytes(RAM + 4094, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(effects).toEqual(['monitor']);
    expect(events).toEqual([{ table: 'writes', pa: RAM + 4094, length: 4, who: 'virtio-blk0' }]);
  });

  it('read without touching pages: what was never written is zeros', () => {
    const { memory, dma } = setUp();
    memory.writeBytes(RAM + 4096, Uint8Array.of(5));
    const target = new Uint8Array(3).fill(9);
    expect(dma.read(RAM + 4095, target)).toBe(true);
    expect(target).toEqual(Uint8Array.of(0, 5, 0));
    expect(memory.isTouched(RAM)).toBe(false);
  });

  it.each([
    ['below RAM', RAM - 1],
    ['across its end', RAM + 0x10_0000 - 1],
    ['in flash', FLASH],
    ['at an address that no double holds', 2 ** 64],
    ['at no number', Number.NaN],
  ])('%s there is nothing', (_, pa) => {
    const { dma, events, effects } = setUp();
    expect(dma.read(pa, new Uint8Array(2))).toBe(false);
    expect(dma.write(pa, new Uint8Array(2), 'x')).toBe(false);
    expect([events, effects]).toEqual([[], []]);
  });

  it('stop the machine cleanly when the pool is full', () => {
    const { dma, effects } = setUp(() => {
      throw new PoolExhausted('full');
    });
    expect(dma.write(RAM, new Uint8Array(1), 'x')).toBe(false);
    expect(effects).toEqual(['exhausted']);
  });
});
