import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VirtioBlock } from '../../src/devices/virtio_block.ts';
import { VirtioConsole } from '../../src/devices/virtio_console.ts';
import { VirtioEntropy } from '../../src/devices/virtio_entropy.ts';
import { EmptyVirtioMmio } from '../../src/devices/virtio_mmio.ts';
import { VirtioNetwork } from '../../src/devices/virtio_network.ts';
import { TestDriver } from './virtio_driver.ts';

const golden: {
  readonly [version: string]: { readonly [device: string]: { readonly [offset: string]: string } };
} = JSON.parse(readFileSync(join(import.meta.dirname, 'virtio-reset.qemu.json'), 'utf8'));

const disk = {
  size: 4 * 2 ** 20,
  readOnly: false,
  serial: '',
  read: () => false,
  write: () => false,
  zero: () => false,
};
const backends = {
  block: () => new VirtioBlock('virtio-blk0', disk),
  console: () =>
    new VirtioConsole(
      () => {},
      () => {},
    ),
  entropy: () => new VirtioEntropy('seed'),
  network: () => new VirtioNetwork([0x52, 0x54, 0, 0x12, 0x34, 0x56]),
};
const CONFIG = 0x100;

describe.each([1, 2] as const)('virtio-mmio version %i at reset, against QEMU', (version) => {
  it.each(Object.keys(backends) as (keyof typeof backends)[])(
    '%s: identification, registers and configuration space',
    (name) => {
      const { device } = new TestDriver(backends[name](), version);
      for (const [key, value] of Object.entries(golden[version][name])) {
        if (key.startsWith('features')) continue;
        const offset = Number(key);
        // Fields of features that are not offered here: console sizes and network queues.
        if (offset >= CONFIG && (name === 'console' || name === 'network') && offset >= CONFIG + 8) continue;
        if (name === 'console' && offset >= CONFIG) continue;
        expect([key, device.read(offset, 4)]).toEqual([key, Number(value)]);
      }
    },
  );

  it('a transport without a device', () => {
    const device = new EmptyVirtioMmio(version);
    for (const [key, value] of Object.entries(golden[version]['empty']))
      expect([key, device.read(Number(key))]).toEqual([key, Number(value)]);
  });

  it('offers no feature that QEMU does not offer', () => {
    for (const name of Object.keys(backends) as (keyof typeof backends)[]) {
      const driver = new TestDriver(backends[name](), version);
      driver.start();
      const qemu = golden[version][name];
      const offered = BigInt(qemu['features0']) | (BigInt(qemu['features1']) << 32n);
      expect([name, (driver.features & ~offered).toString(16)]).toEqual([name, '0']);
    }
  });
});

describe('negotiation', () => {
  it('version 2 keeps FEATURES_OK only with VIRTIO_F_VERSION_1 and without unknown features', () => {
    const accept = (low: number, high: number) => {
      const driver = new TestDriver(backends.block(), 2);
      driver.setRegister('status', 3);
      driver.setRegister('driverFeatures', low);
      driver.setRegister('driverFeaturesSelect', 1);
      driver.setRegister('driverFeatures', high);
      driver.setRegister('status', 11);
      return driver.register('status');
    };
    expect(accept(0, 1)).toBe(11);
    expect(accept(0, 0)).toBe(3);
    expect(accept(1, 1)).toBe(3);
  });

  it('registers are 32 bits wide; others read as zero and are named in the recording', () => {
    const driver = new TestDriver(backends.block(), 2);
    expect(driver.device.read(0, 1)).toBe(0);
    expect(driver.events).toContainEqual({
      table: 'unimplemented',
      pc: 0x4000_0000n,
      what: 'virtio-blk0 1-byte read of MagicValue',
    });
    expect(driver.device.read(CONFIG + 0x14, 2)).toBe(512);
  });

  it('registers and fields have the names of the manual', () => {
    const { device } = new TestDriver(backends.block(), 2);
    expect([0x50, 0x70, 0x80, 0x94, 0x100, 0x10e].map((offset) => device.registerName(offset))).toEqual([
      'QueueNotify',
      'Status',
      'QueueDescLow',
      'QueueDriverHigh',
      'Config.capacity',
      'Config.seg_max',
    ]);
  });

  it('a reset forgets queues, features and what was to be done', () => {
    const driver = new TestDriver(backends.block(), 2);
    const fresh = driver.device.save();
    driver.start();
    driver.setRegister('notify', 0);
    driver.setRegister('status', 0);
    expect({ ...driver.device.save(), pageShift: 0 }).toEqual(fresh);
  });
});
