import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GicV3 } from '../../src/devices/gicv3.ts';
import { GITS_REGISTERS } from '../../src/devices/gicv3_its.ts';
import { testContext } from './support.ts';
import { RAM, TestMemory } from './virtio_driver.ts';

const golden: Record<'reset' | 'afterOnes', Record<string, number>> = JSON.parse(
  readFileSync(new URL('gicv3-its-registers.qemu.json', import.meta.url), 'utf8'),
);

/** Where the guest's tables are. */
const QUEUE = RAM;
const DEVICES = RAM + 0x1_0000;
const COLLECTIONS = RAM + 0x2_0000;
const CONFIGURATION = RAM + 0x3_0000;
const PENDING = (cpu: number) => RAM + 0x4_0000 + cpu * 0x1_0000;
const TRANSLATIONS = RAM + 0x8_0000;
const FIRST_LPI = 8192;
const SPURIOUS = 1023;
const [CBASER, CWRITER, CREADR, BASER0, BASER1, TRANSLATER] = [0x80, 0x88, 0x90, 0x100, 0x108, 0x1_0040];
const VALID = 1n << 63n;

function its(cpuCount = 1) {
  const { context, events } = testContext();
  const memory = new TestMemory();
  const make = () => {
    const gic = new GicV3({
      context,
      cpuCount,
      currentCpu: () => 0,
      dma: memory,
      onOutputsChanged: () => {},
    });
    return gic;
  };
  const gic = make();
  const write64 = (offset: number, value: bigint) => {
    gic.its.write(offset, 4, Number(value & 0xffff_ffffn));
    gic.its.write(offset + 4, 4, Number(value >> 32n));
  };
  const view = { el: 2, hcr: 0n };
  const msr = (name: string, value: bigint, cpu = 0) => gic.writeRegister(cpu, name, value, view);
  const acknowledge = (cpu = 0) => Number(gic.readRegister(cpu, 'ICC_IAR1_EL1', view));
  const end = (intid: number, cpu = 0) => msr('ICC_EOIR1_EL1', BigInt(intid), cpu);
  let writer = 0;
  /** Puts a command into the queue; the ITS executes it. */
  const command = (...words: bigint[]) => {
    [0, 1, 2, 3].forEach((n) => {
      memory.view.setBigUint64(QUEUE - RAM + writer + 8 * n, words[n] ?? 0n, true);
    });
    writer = (writer + 32) % 0x1000;
    gic.its.write(CWRITER, 4, writer);
  };
  const commands = {
    mapd: (device: number, size: number, valid = true) =>
      command(
        (BigInt(device) << 32n) | 0x08n,
        BigInt(size),
        BigInt(TRANSLATIONS + device * 0x1000) | (valid ? VALID : 0n),
      ),
    mapc: (collection: number, cpu: number, valid = true) =>
      command(0x09n, 0n, (BigInt(cpu) << 16n) | BigInt(collection) | (valid ? VALID : 0n)),
    mapti: (device: number, event: number, intid: number, collection: number) =>
      command((BigInt(device) << 32n) | 0x0an, (BigInt(intid) << 32n) | BigInt(event), BigInt(collection)),
    int: (device: number, event: number) => command((BigInt(device) << 32n) | 0x03n, BigInt(event)),
    clear: (device: number, event: number) => command((BigInt(device) << 32n) | 0x04n, BigInt(event)),
    discard: (device: number, event: number) => command((BigInt(device) << 32n) | 0x0fn, BigInt(event)),
    movi: (device: number, event: number, collection: number) =>
      command((BigInt(device) << 32n) | 0x01n, BigInt(event), BigInt(collection)),
    movall: (from: number, to: number) => command(0x0en, 0n, BigInt(from) << 16n, BigInt(to) << 16n),
    inv: (device: number, event: number) => command((BigInt(device) << 32n) | 0x0cn, BigInt(event)),
    invall: (collection: number) => command(0x0dn, 0n, BigInt(collection)),
  };
  /** Tables, redistributors and CPU interfaces, as Linux sets them up; collection n is CPU n's. */
  const start = ({ indirect = false, firstPage = DEVICES + 0x1000 } = {}) => {
    if (indirect) memory.view.setBigUint64(DEVICES - RAM, BigInt(firstPage) | VALID, true);
    write64(BASER0, BigInt(DEVICES) | VALID | (indirect ? 1n << 62n : 0n));
    write64(BASER1, BigInt(COLLECTIONS) | VALID);
    write64(CBASER, BigInt(QUEUE) | VALID);
    gic.its.write(0, 4, 1);
    gic.gicd.write(0, 4, 3);
    for (let cpu = 0; cpu < cpuCount; cpu++) {
      gic.gicrs[cpu].write(0x70, 4, CONFIGURATION + 15);
      gic.gicrs[cpu].write(0x78, 4, PENDING(cpu));
      gic.gicrs[cpu].write(0, 4, 1);
      msr('ICC_PMR_EL1', 0xf8n, cpu);
      msr('ICC_IGRPEN1_EL1', 1n, cpu);
      commands.mapc(cpu, cpu);
    }
  };
  const configure = (intid: number, priority: number, enabled = true) => {
    memory.bytes[CONFIGURATION - RAM + intid - FIRST_LPI] = priority | (enabled ? 1 : 0);
  };
  const pendingBit = (intid: number, cpu = 0) =>
    (memory.bytes[PENDING(cpu) - RAM + (intid >>> 3)] >>> (intid & 7)) & 1;
  return {
    gic,
    make,
    memory,
    events,
    write64,
    commands,
    command,
    start,
    configure,
    acknowledge,
    end,
    pendingBit,
  };
}

describe('registers of the ITS', () => {
  test('read as QEMU’s at reset, everywhere', () => {
    const { gic } = its();
    for (let offset = 0; offset < 0x1_0000; offset += 4)
      expect(gic.its.read(offset, 4), offset.toString(16)).toBe(
        golden.reset[`0x${offset.toString(16)}`] ?? 0,
      );
  });

  test('GITS_BASERn keep of ones what QEMU’s keep; nothing while the ITS is on', () => {
    const { gic } = its();
    for (let offset = BASER0; offset < 0x140; offset += 4) gic.its.write(offset, 4, 0xffff_ffff);
    for (let offset = BASER0; offset < 0x140; offset += 4)
      expect(gic.its.read(offset, 4)).toBe(golden.afterOnes[`0x${offset.toString(16)}`] ?? 0);
    gic.its.write(0, 4, 1);
    gic.its.write(BASER0, 4, 0);
    gic.its.write(CBASER, 4, 0x1000);
    expect([gic.its.read(BASER0, 4), gic.its.read(CBASER, 4)]).toEqual([0xffff_ffff, 0]);
  });

  test('have names', () => {
    expect(GITS_REGISTERS.name(TRANSLATER)).toBe('GITS_TRANSLATER');
    expect(GITS_REGISTERS.name(BASER1 + 4)).toBe('GITS_BASER1_high');
  });
});

describe('LPIs', () => {
  test('an event that is mapped becomes an LPI at its CPU: pending, acknowledged, ended, never active', () => {
    const t = its();
    t.start();
    t.configure(FIRST_LPI + 5, 0x80);
    t.commands.mapd(0, 4);
    t.commands.mapti(0, 3, FIRST_LPI + 5, 0);
    t.gic.its.write(TRANSLATER, 4, 3);
    expect(t.gic.outputs[0].irq).toBe(true);
    expect(t.pendingBit(FIRST_LPI + 5)).toBe(1);
    expect(t.acknowledge()).toBe(FIRST_LPI + 5);
    expect(t.pendingBit(FIRST_LPI + 5)).toBe(0);
    // While it is in service a second message waits for the priority drop.
    t.commands.int(0, 3);
    expect(t.acknowledge()).toBe(SPURIOUS);
    t.end(FIRST_LPI + 5);
    expect(t.acknowledge()).toBe(FIRST_LPI + 5);
  });

  test('priority first, then the lowest number; an SPI of the same priority goes before an LPI', () => {
    const t = its();
    t.start();
    t.commands.mapd(0, 4);
    for (const [event, priority] of [0x80, 0x40, 0x40].entries()) {
      t.configure(FIRST_LPI + event, priority);
      t.commands.mapti(0, event, FIRST_LPI + event, 0);
    }
    // SPI 40 with priority 0x40 in group 1.
    t.gic.gicd.write(0x84, 4, 1 << 8);
    t.gic.gicd.write(0x428, 1, 0x40);
    t.gic.gicd.write(0x104, 4, 1 << 8);
    t.gic.gicd.write(0x204, 4, 1 << 8);
    for (const event of [0, 2, 1]) t.commands.int(0, event);
    const order = [];
    for (let n = 0; n < 4; n++) {
      const intid = t.acknowledge();
      order.push(intid);
      t.end(intid);
      if (intid < FIRST_LPI) t.gic.gicd.write(0x384, 4, 1 << 8);
    }
    expect(order).toEqual([40, FIRST_LPI + 1, FIRST_LPI + 2, FIRST_LPI]);
  });

  test('the configuration counts when the LPI comes, and again at INV and INVALL', () => {
    const t = its();
    t.start();
    t.configure(FIRST_LPI, 0x80, false);
    t.commands.mapd(0, 4);
    t.commands.mapti(0, 0, FIRST_LPI, 0);
    t.commands.int(0, 0);
    expect(t.acknowledge()).toBe(SPURIOUS);
    t.configure(FIRST_LPI, 0x80);
    t.commands.inv(0, 0);
    expect(t.gic.outputs[0].irq).toBe(true);
    t.configure(FIRST_LPI, 0x80, false);
    t.commands.invall(0);
    expect(t.gic.outputs[0].irq).toBe(false);
  });

  test('the pending table is read when LPIs go on, and INTIDs beyond PROPBASER.IDbits do not exist', () => {
    const t = its();
    t.configure(FIRST_LPI + 9, 0x20);
    t.memory.bytes[PENDING(0) - RAM + ((FIRST_LPI + 9) >>> 3)] = 1 << ((FIRST_LPI + 9) & 7);
    t.start();
    expect(t.acknowledge()).toBe(FIRST_LPI + 9);
    t.gic.gicrs[0].write(0, 4, 0);
    t.gic.gicrs[0].write(0x70, 4, CONFIGURATION + 13);
    t.gic.gicrs[0].write(0, 4, 1);
    t.commands.mapd(0, 4);
    t.commands.mapti(0, 0, 0x4000, 0);
    t.commands.int(0, 0);
    expect(t.pendingBit(0x4000)).toBe(0);
  });

  test('CLEAR and DISCARD take it back; after DISCARD, MAPD or MAPC without V nothing comes', () => {
    const t = its();
    t.start();
    t.configure(FIRST_LPI, 0);
    t.commands.mapd(0, 4);
    t.commands.mapti(0, 0, FIRST_LPI, 0);
    t.commands.int(0, 0);
    t.commands.clear(0, 0);
    expect(t.acknowledge()).toBe(SPURIOUS);
    t.commands.int(0, 0);
    t.commands.discard(0, 0);
    t.commands.int(0, 0);
    expect(t.acknowledge()).toBe(SPURIOUS);
    t.commands.mapti(0, 0, FIRST_LPI, 0);
    t.commands.mapc(0, 0, false);
    t.commands.int(0, 0);
    t.commands.mapc(0, 0);
    t.commands.mapd(0, 4, false);
    t.commands.int(0, 0);
    expect(t.acknowledge()).toBe(SPURIOUS);
  });

  test('MOVI and MOVALL take what is pending along to the other CPU', () => {
    const t = its(2);
    t.start();
    for (const n of [0, 1, 2]) t.configure(FIRST_LPI + n, 0x80);
    t.commands.mapd(0, 4);
    for (const n of [0, 1, 2]) {
      t.commands.mapti(0, n, FIRST_LPI + n, 0);
      t.commands.int(0, n);
    }
    t.commands.movi(0, 1, 1);
    expect([t.pendingBit(FIRST_LPI + 1, 0), t.pendingBit(FIRST_LPI + 1, 1)]).toEqual([0, 1]);
    expect(t.acknowledge(1)).toBe(FIRST_LPI + 1);
    t.end(FIRST_LPI + 1, 1);
    t.commands.int(0, 1);
    expect(t.acknowledge(1)).toBe(FIRST_LPI + 1);
    t.end(FIRST_LPI + 1, 1);
    t.commands.movall(0, 1);
    expect(t.acknowledge(0)).toBe(SPURIOUS);
    expect(t.acknowledge(1)).toBe(FIRST_LPI);
    expect(t.pendingBit(FIRST_LPI + 2, 1)).toBe(1);
  });

  test('a device table of two levels is found, and has no room where its first level has no page', () => {
    const t = its();
    t.start({ indirect: true });
    t.configure(FIRST_LPI, 0);
    t.commands.mapd(1, 4);
    t.commands.mapti(1, 0, FIRST_LPI, 0);
    t.commands.int(1, 0);
    expect(t.acknowledge()).toBe(FIRST_LPI);
    t.end(FIRST_LPI);
    t.commands.mapd(600, 4);
    t.commands.mapti(600, 0, FIRST_LPI, 0);
    t.commands.int(600, 0);
    expect(t.acknowledge()).toBe(SPURIOUS);
    expect(t.gic.its.read(CREADR, 4) & 1).toBe(0);
  });

  test('a command whose memory is not there stalls the queue until software says Retry', () => {
    const t = its();
    t.start({ indirect: true, firstPage: 0 });
    const before = t.gic.its.read(CREADR, 4);
    t.commands.mapd(0, 4);
    t.commands.mapti(0, 0, FIRST_LPI, 0);
    expect(t.gic.its.read(CREADR, 4)).toBe(before | 1);
    t.memory.view.setBigUint64(DEVICES - RAM, BigInt(DEVICES + 0x1000) | VALID, true);
    t.gic.its.write(CWRITER, 4, (before + 64) | 1);
    expect(t.gic.its.read(CREADR, 4)).toBe(before + 64);
  });

  test('save and restore keep registers, pending LPIs and the one that is next', () => {
    const t = its();
    t.start();
    t.commands.mapd(0, 4);
    for (const n of [0, 1]) {
      t.configure(FIRST_LPI + n, 0x80 - 0x40 * n);
      t.commands.mapti(0, n, FIRST_LPI + n, 0);
      t.commands.int(0, n);
    }
    // Nobody told: the priority that was read stays.
    t.configure(FIRST_LPI, 0);
    const other = t.make();
    const parts = [other.gicd, ...other.gicrs, other.its];
    [t.gic.gicd, ...t.gic.gicrs, t.gic.its].forEach((device, n) => {
      parts[n].restore(JSON.parse(JSON.stringify(device.save())));
    });
    const view = { el: 2, hcr: 0n };
    expect(other.outputs[0].irq).toBe(true);
    expect(other.readRegister(0, 'ICC_IAR1_EL1', view)).toBe(BigInt(FIRST_LPI + 1));
    expect(other.its.read(CREADR, 4)).toBe(t.gic.its.read(CREADR, 4));
  });
});

test('no command and no table throws, whatever is in them, and each has an end', () => {
  const t = its(2);
  // A small generator: the same words every time.
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed;
  };
  const some = (): bigint => {
    const word = (BigInt(random()) << 32n) | BigInt(random());
    return random() & 1 ? word : word & 0x8000_0003_0000_0f0fn;
  };
  t.start();
  for (let n = 0; n < 3000; n++) {
    if (n % 50 === 0) {
      t.gic.its.write(0, 4, 0);
      t.write64(BASER0, some() | VALID);
      t.write64(BASER1, n % 100 ? BigInt(COLLECTIONS) | VALID : some());
      t.write64(CBASER, n % 150 ? BigInt(QUEUE) | VALID : some());
      t.gic.its.write(0, 4, 1);
      t.gic.gicrs[n % 4 ? 0 : 1].write(0x70 + 4 * (n % 3), 4, random());
    }
    t.command(some() | BigInt(1 + (random() & 15)), some(), some(), some());
    t.gic.its.write(TRANSLATER, 4, random());
    t.gic.its.write(CWRITER, 4, random());
  }
  const accesses = t.memory.accesses;
  t.gic.its.write(CWRITER, 4, 0xf_ffe1);
  // A queue has at most 32768 commands, a command a dozen accesses.
  expect(t.memory.accesses - accesses).toBeLessThan(32768 * 12);
});
