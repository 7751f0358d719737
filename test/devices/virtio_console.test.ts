import { describe, expect, it } from 'vitest';
import { VirtioConsole } from '../../src/devices/virtio_console.ts';
import { TestDriver } from './virtio_driver.ts';

const [RECEIVE, TRANSMIT] = [0, 1];

function start() {
  const printed: number[] = [];
  const given: number[] = [];
  const backend = new VirtioConsole(
    (byte) => printed.push(byte),
    (byte) => given.push(byte),
  );
  const driver = new TestDriver(backend, 2);
  return { backend, driver, printed, given };
}
const text = (bytes: readonly number[]) => String.fromCharCode(...bytes);

describe('the virtio console', () => {
  it('prints what the guest transmits, in order', () => {
    const { driver, printed } = start();
    driver.start();
    for (const line of ['one ', 'two']) driver.add(TRANSMIT, [{ out: Buffer.from(line) }]);
    driver.run(TRANSMIT);
    expect(text(printed)).toBe('one two');
    expect([driver.takeUsed(TRANSMIT)?.written, driver.takeUsed(TRANSMIT)?.head]).toEqual([0, 1]);
  });

  it('takes input only when the driver runs, and keeps it until there is a buffer', () => {
    const { backend, driver, given } = start();
    expect(backend.receive(65)).toBe(false);
    driver.start();
    for (const byte of Buffer.from('hello')) expect(backend.receive(byte)).toBe(true);
    driver.settle();
    expect(driver.takeUsed(RECEIVE)).toBeUndefined();
    const [place] = driver.add(RECEIVE, [{ in: 3 }]);
    driver.add(RECEIVE, [{ in: 16 }]);
    driver.run(RECEIVE);
    expect(driver.takeUsed(RECEIVE)?.written).toBe(3);
    expect(driver.takeUsed(RECEIVE)?.written).toBe(2);
    expect(text([...driver.bytesAt(place, 3)])).toBe('hel');
    expect(text(given)).toBe('hello');
  });

  it('takes no more input than it has room for', () => {
    const { backend, driver } = start();
    driver.start();
    let taken = 0;
    while (taken < 10_000 && backend.receive(0)) taken++;
    expect(taken).toBe(256);
  });

  it('cuts a buffer that no driver sends, and says so', () => {
    const { driver, printed } = start();
    driver.start();
    driver.add(TRANSMIT, [{ out: new Uint8Array(70_000) }]);
    driver.run(TRANSMIT);
    expect(printed).toHaveLength(65_536);
    expect(driver.events.map((row) => row['what'])).toContain(
      'virtio-console: more than 65536 bytes at once',
    );
  });
});
