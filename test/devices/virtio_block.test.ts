import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Disk, VirtioBlock } from '../../src/devices/virtio_block.ts';
import { SERVICE_DELAY_NS } from '../../src/devices/virtio_mmio.ts';
import { QUEUE_SIZE_MAX } from '../../src/devices/virtqueue.ts';
import { type Buffer as GuestBuffer, RAM, TestDriver } from './virtio_driver.ts';

const SECTORS = 64;

class TestDisk implements Disk {
  readonly size = SECTORS * 512;
  readonly readOnly: boolean;
  readonly serial = 'HINDSIGHT';
  readonly bytes = Uint8Array.from({ length: this.size }, (_, i) => (i * 7) % 251);
  constructor(readOnly = false) {
    this.readOnly = readOnly;
  }
  read(position: number, target: Uint8Array): boolean {
    target.set(this.bytes.subarray(position, position + target.length));
    return true;
  }
  write(position: number, source: Uint8Array): boolean {
    this.bytes.set(source, position);
    return true;
  }
  zero(position: number, length: number): boolean {
    this.bytes.fill(0, position, position + length);
    return true;
  }
}

const TYPE = { in: 0, out: 1, scsi: 2, flush: 4, getId: 8, discard: 11, writeZeroes: 13 } as const;
const [OK, IO_ERROR, UNSUPPORTED] = [0, 1, 2];

function header(type: keyof typeof TYPE, sector: number | bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, TYPE[type], true);
  view.setBigUint64(8, BigInt(sector), true);
  return bytes;
}
function range(sector: number, count: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(sector), true);
  view.setUint32(8, count, true);
  view.setUint32(12, flags, true);
  return bytes;
}

const versions = [1, 2] as const;
function start(version: 1 | 2, { readOnly = false, without = [] as number[], size = 16 } = {}) {
  const disk = new TestDisk(readOnly);
  const driver = new TestDriver(new VirtioBlock('virtio-blk0', disk), version, size);
  driver.start(without);
  /** Makes a request; its status, and what the writable buffers hold. */
  const request = (buffers: readonly GuestBuffer[], indirect = false) => {
    const places = driver.add(0, [...buffers, { in: 1 }], indirect);
    driver.run(0);
    const used = driver.takeUsed(0);
    const data = buffers.flatMap((buffer, i) => (buffer.in ? [...driver.bytesAt(places[i], buffer.in)] : []));
    return { status: driver.bytesAt(places.at(-1)!, 1)[0], data: Uint8Array.from(data), used };
  };
  return { disk, driver, request };
}

describe.each(versions)('a disk behind virtio-mmio version %i', (version) => {
  it('reads sectors, in one buffer or in several, with and without an indirect table', () => {
    const { disk, request } = start(version);
    for (const indirect of [false, true])
      for (const buffers of [[{ in: 1024 }], [{ in: 512 }, { in: 100 }, { in: 412 }]]) {
        const { status, data, used } = request([{ out: header('in', 3) }, ...buffers], indirect);
        expect(status).toBe(OK);
        expect(data).toEqual(disk.bytes.slice(3 * 512, 5 * 512));
        expect(used?.written).toBe(1025);
      }
  });

  it('writes sectors, also when header and data share a buffer', () => {
    const { disk, request } = start(version);
    const data = Uint8Array.from({ length: 512 }, (_, i) => i & 0xff);
    expect(request([{ out: header('out', 5) }, { out: data }]).status).toBe(OK);
    expect(request([{ out: Uint8Array.from([...header('out', 9), ...data]) }]).status).toBe(OK);
    expect(disk.bytes.slice(5 * 512, 6 * 512)).toEqual(data);
    expect(disk.bytes.slice(9 * 512, 10 * 512)).toEqual(data);
  });

  it('answers flush, identification, discard and write zeroes as 5.2.6 says', () => {
    const { disk, request } = start(version);
    const before = disk.bytes.slice(0, 1024);
    expect(request([{ out: header('flush', 0) }]).status).toBe(OK);
    const id = request([{ out: header('getId', 0) }, { in: 20 }]);
    expect([id.status, new TextDecoder().decode(id.data)]).toEqual([OK, 'HINDSIGHT'.padEnd(20, '\0')]);
    expect(request([{ out: header('discard', 0) }, { out: range(0, 2, 0) }]).status).toBe(OK);
    expect(disk.bytes.slice(0, 1024)).toEqual(before);
    expect(request([{ out: header('writeZeroes', 0) }, { out: range(0, 2, 1) }]).status).toBe(OK);
    expect(disk.bytes.slice(0, 1024)).toEqual(new Uint8Array(1024));
    expect(request([{ out: header('scsi', 0) }]).status).toBe(UNSUPPORTED);
    expect(request([{ out: header('writeZeroes', 0) }, { out: range(0, 2, 2) }]).status).toBe(UNSUPPORTED);
  });

  it.each([
    ['a read behind the end', 'in', SECTORS, [{ in: 512 }]],
    ['a read that crosses the end', 'in', SECTORS - 1, [{ in: 1024 }]],
    ['a read at the largest sector number', 'in', 2n ** 64n - 1n, [{ in: 512 }]],
    ['a read of half a sector', 'in', 0, [{ in: 100 }]],
    ['a write behind the end', 'out', SECTORS, [{ out: new Uint8Array(512) }]],
    ['zeroes that cross the end', 'writeZeroes', 0, [{ out: range(SECTORS - 1, 2, 0) }]],
    ['zeroes without a range', 'writeZeroes', 0, []],
    ['two ranges', 'discard', 0, [{ out: new Uint8Array(32) }]],
  ] as const)('%s is an I/O error and changes nothing', (_, type, sector, buffers) => {
    const { disk, request } = start(version);
    const before = disk.bytes.slice();
    expect(request([{ out: header(type, sector) }, ...buffers]).status).toBe(IO_ERROR);
    expect(disk.bytes).toEqual(before);
  });

  it('a read-only disk says so, and refuses writes', () => {
    const { driver, request } = start(version, { readOnly: true });
    expect((driver.features >> 5n) & 1n).toBe(1n);
    expect(request([{ out: header('out', 0) }, { out: new Uint8Array(512) }]).status).toBe(IO_ERROR);
    expect(request([{ out: header('writeZeroes', 0) }, { out: range(0, 1, 0) }]).status).toBe(IO_ERROR);
  });

  it('completes a fixed time after the notification, and not before', () => {
    const { driver } = start(version);
    driver.clock.time = 5000;
    driver.add(0, [{ out: header('flush', 0) }, { in: 1 }]);
    driver.setRegister('notify', 0);
    expect(driver.device.nextDeadline()).toBe(5000 + SERVICE_DELAY_NS);
    driver.clock.time = 5000 + SERVICE_DELAY_NS - 1;
    driver.device.advance();
    expect([driver.takeUsed(0), driver.line]).toEqual([undefined, false]);
    driver.clock.time += 1;
    driver.device.advance();
    expect(driver.line).toBe(true);
    expect(driver.register('interruptStatus')).toBe(1);
    driver.setRegister('interruptAcknowledge', 1);
    expect(driver.line).toBe(false);
    expect(driver.takeUsed(0)).toBeDefined();
  });

  it('raises no interrupt where the driver wants none, by flag or by event index', () => {
    const flagged = start(version, { without: [29] }).driver;
    flagged.write16(flagged.rings(0).available, 1);
    flagged.add(0, [{ out: header('flush', 0) }, { in: 1 }]);
    flagged.run(0);
    expect([flagged.takeUsed(0)?.head, flagged.line]).toEqual([0, false]);

    const indexed = start(version).driver;
    // An interrupt when the third request is done.
    indexed.write16(indexed.rings(0).available + 4 + 2 * indexed.size, 2);
    const lines = [0, 1, 2].map(() => {
      indexed.add(0, [{ out: header('flush', 0) }, { in: 1 }]);
      indexed.run(0);
      return indexed.line;
    });
    expect(lines).toEqual([false, false, true]);
  });

  it('goes on from a snapshot as from where it was taken', () => {
    const { driver, disk } = start(version);
    driver.add(0, [{ out: header('in', 1) }, { in: 512 }, { in: 1 }]);
    driver.setRegister('notify', 0);
    const other = new TestDriver(new VirtioBlock('virtio-blk0', disk), version);
    other.memory.bytes.set(driver.memory.bytes);
    other.device.restore(JSON.parse(JSON.stringify(driver.device.save())));
    for (const each of [driver, other]) each.settle();
    expect(Buffer.compare(other.memory.bytes, driver.memory.bytes)).toBe(0);
    expect(other.device.save()).toEqual(driver.device.save());
    expect(other.takeUsed(0)?.written).toBe(513);
  });

  it('names itself where it writes memory', () => {
    const { driver, request } = start(version);
    request([{ out: header('in', 0) }, { in: 512 }]);
    expect([...driver.memory.writers]).toEqual(['virtio-blk0']);
  });
});

describe.each(versions)('a hostile driver of version %i', (version) => {
  const NEEDS_RESET = 0x40;
  const broken = (driver: TestDriver) => (driver.register('status') & NEEDS_RESET) !== 0;
  const descriptor = (driver: TestDriver, values: [number, number, number, number], index = 0) =>
    driver.writeDescriptor(driver.rings(0).descriptors, index, ...values);

  it.each([
    ['a chain that is a loop', (d: TestDriver) => descriptor(d, [RAM, 16, 1, 0])],
    ['a next beyond the table', (d: TestDriver) => descriptor(d, [RAM, 16, 1, 999])],
    ['a buffer of length 0', (d: TestDriver) => descriptor(d, [RAM, 0, 0, 0])],
    ['a buffer outside RAM', (d: TestDriver) => descriptor(d, [0x900_0000, 16, 0, 0])],
    ['a buffer of 4 GiB', (d: TestDriver) => descriptor(d, [RAM, 0xffff_ffff, 0, 0])],
    ['an indirect table of length 17', (d: TestDriver) => descriptor(d, [RAM, 17, 4, 0])],
    ['an indirect table outside RAM', (d: TestDriver) => descriptor(d, [2 ** 50, 32, 4, 0])],
    ['an indirect table in itself', (d: TestDriver) => descriptor(d, [d.rings(0).descriptors, 16, 4, 0])],
    [
      'a readable buffer behind a writable one',
      (d: TestDriver) => {
        descriptor(d, [RAM, 16, 3, 1]);
        descriptor(d, [RAM, 16, 0, 0], 1);
      },
    ],
    ['a request without status', (d: TestDriver) => descriptor(d, [RAM, 16, 0, 0])],
  ])('%s stops the device until it is reset', (_, write) => {
    const { driver, disk } = start(version);
    write(driver);
    driver.makeAvailable(0, 0);
    driver.run(0);
    expect(broken(driver)).toBe(true);
    expect(driver.register('interruptStatus') & 2).toBe(2);
    expect(driver.events.some((row) => String(row['what']).startsWith('virtio-blk0 stopped'))).toBe(true);
    const again = new TestDriver(new VirtioBlock('virtio-blk0', disk), version);
    again.device.restore(driver.device.save());
    again.start();
    expect(broken(again)).toBe(false);
    again.add(0, [{ out: header('flush', 0) }, { in: 1 }]);
    again.run(0);
    expect(again.takeUsed(0)).toBeDefined();
  });

  it('an available index that is more than a ring ahead stops the device', () => {
    const { driver } = start(version);
    driver.write16(driver.rings(0).available + 2, 17);
    driver.run(0);
    expect(broken(driver)).toBe(true);
  });

  it('a data buffer outside RAM is an I/O error, and the device goes on', () => {
    const { driver, request } = start(version);
    const [place] = driver.add(0, [{ out: header('in', 0) }, { in: 512 }, { in: 1 }]);
    descriptor(driver, [2 ** 40, 512, 3, 2], 1);
    driver.run(0);
    expect(driver.bytesAt(place + 16 + 512, 1)[0]).toBe(IO_ERROR);
    driver.takeUsed(0);
    expect(request([{ out: header('flush', 0) }]).status).toBe(OK);
  });

  it('rings that the device itself overwrites do not keep it busy for ever', () => {
    const { driver } = start(version);
    const { available } = driver.rings(0);
    // Reading the disk into the available ring: each request makes more available.
    driver.add(0, [{ out: header('in', 0) }, { in: 512 }, { in: 1 }]);
    descriptor(driver, [available, 512, 3, 2], 1);
    driver.setRegister('notify', 0);
    driver.clock.time += SERVICE_DELAY_NS;
    driver.memory.accesses = 0;
    driver.device.advance();
    expect(driver.memory.accesses).toBeLessThan(QUEUE_SIZE_MAX * 20);
  });

  it('whatever is written to registers and rings, nothing is thrown and the work is bounded', () => {
    const word = fc.oneof(
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.constantFrom(0, 1, 2, 4, 15, RAM, 0x40000),
    );
    const write = fc.tuple(
      fc.integer({ min: 0, max: 0x7f }).map((n) => 4 * n),
      word,
    );
    const memory = fc.tuple(fc.nat(0x1fff), word);
    const notify = fc.constant([0x50, 0] as [number, number]);
    const steps = fc.array(fc.oneof(write, notify), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(memory, { maxLength: 30 }), steps, (words, writes) => {
        const { driver } = start(version);
        driver.add(0, [{ out: header('in', 0) }, { in: 512 }, { in: 1 }]);
        for (const [at, value] of words) driver.memory.view.setUint32(at, value, true);
        for (const [offset, value] of writes) {
          driver.device.write(offset, 4, value);
          driver.device.read(offset, 4);
          driver.memory.accesses = 0;
          driver.clock.time += SERVICE_DELAY_NS;
          driver.device.advance();
          expect(driver.memory.accesses).toBeLessThan(QUEUE_SIZE_MAX * QUEUE_SIZE_MAX * 3);
        }
        JSON.stringify(driver.device.save());
      }),
      { numRuns: 300 },
    );
  });
});
