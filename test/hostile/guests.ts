/**
 * Guests that mean harm, made here of instructions: each runs for ever, and does what it does with ever other numbers. Unhandled
 * exceptions go on behind their instruction.
 */
import { Code } from '../conformance/random/assembler.ts';

export const CODE = 0x4008_0000;
const VECTORS = 0x4008_8000;
/** RAM that a guest fills with numbers: commands, descriptors, requests. */
const DATA = 0x4010_0000;
/** Bits of an offset into it. */
const DATA_BITS = 16;

/** X20 the last number, X21 and X22 what makes the next one of it (Knuth's MMIX). */
const STATE = 20;
const FACTOR = 21;
const INCREMENT = 22;

const UART = 0x0900_0000;

/** Instructions that hostile code is written in, besides those of `Code`. */
class Hostile extends Code {
  /** A number of `bits` bits, all of whose multiples of 2^shift occur. */
  random(rd: number, bits = 64, shift = 0): this {
    this.emit('MADD', { sf: 1, rm: FACTOR, ra: INCREMENT, rn: STATE, rd: STATE });
    // The upper bits of the state are the good ones: right by 64 - bits + shift, left by shift.
    this.emit('UBFM', { sf: 1, n: 1, immr: 64 - bits + shift, imms: 63, rn: STATE, rd });
    return shift === 0
      ? this
      : this.emit('UBFM', { sf: 1, n: 1, immr: 64 - shift, imms: 63 - shift, rn: rd, rd });
  }
  add(rd: number, rn: number, rm: number): this {
    return this.emit('ADD_shift', { sf: 1, rm, rn, rd });
  }
  store(bytes: 1 | 2 | 4 | 8, rt: number, rn: number, offset = 0): this {
    const row = { 1: 'STRB_imm', 2: 'STRH_imm', 4: 'STR_32_imm', 8: 'STR_64_imm' }[bytes];
    return this.emit(row, { rt, rn, imm12: offset / bytes });
  }
  load(bytes: 1 | 4 | 8, rt: number, rn: number): this {
    return this.emit({ 1: 'LDRB_imm', 4: 'LDR_32_imm', 8: 'LDR_64_imm' }[bytes], { rt, rn });
  }
  /** Stores and loads of all sizes at random places of a window of 2^bits bytes. */
  disturb(base: number, bits: number): this {
    this.mov(9, base);
    for (const size of [1, 2, 4, 8] as const)
      this.random(1, bits, 3).add(1, 1, 9).random(2).store(size, 2, 1);
    return this.random(1, bits, 3).add(1, 1, 9).load(4, 2, 1).random(1, bits, 3).add(1, 1, 9).load(8, 2, 1);
  }
}

type Build = (code: Hostile) => void;

/** The image of a guest that does `once`, then `again` for ever; loaded at CODE, where it starts. */
function image(again: Build, once: Build = () => {}): Uint8Array {
  const code = new Hostile(CODE);
  code
    .mov(0, VECTORS)
    .msr('VBAR_EL2', 0)
    .mov(FACTOR, 6364136223846793005n)
    .mov(INCREMENT, 1442695040888963407n);
  code.mov(STATE, 1);
  once(code);
  code.label('again');
  again(code);
  code.b('again');
  code.padTo(VECTORS);
  for (let entry = 0; entry < 16; entry++) {
    code.padTo(VECTORS + 0x80 * entry);
    // Interrupts return to where they came from, with the same interrupt pending.
    if (entry % 4 === 0) code.mrs(28, 'ELR_EL2').addImmediate(28, 28, 4).msr('ELR_EL2', 28);
    code.emit('ERET');
  }
  return new Uint8Array(code.finish().buffer);
}

/** MSR of a register that the assembler has no name for; op0 is 3. */
const msr = (code: Hostile, rt: number, op1: number, crn: number, crm: number, op2: number) =>
  code.emit('MSR_reg', { o0: 1, op1, crn, crm, op2, rt });

/** ITS: queue and tables in DATA, LPIs on; then commands of random words. */
const itsOnce: Build = (code) => {
  const set = (at: number, value: number | bigint) => code.mov(1, at).mov(2, value).str(2, 1);
  set(0x0808_0100, BigInt(DATA + 0x4000) | (1n << 63n));
  set(0x0808_0108, BigInt(DATA + 0x8000) | (1n << 63n));
  set(0x0808_0080, BigInt(DATA) | (1n << 63n) | 3n);
  set(0x080a_0070, BigInt(DATA) | 15n);
  set(0x080a_0078, BigInt(DATA));
  code.mov(1, 0x080a_0000).mov(2, 1).store(4, 2, 1).mov(1, 0x0808_0000).store(4, 2, 1);
};
const itsAgain: Build = (code) => {
  code.mov(9, DATA);
  for (let n = 0; n < 4; n++) {
    // A command and a device; an event and an LPI, a size in MAPD; validity, a CPU or a table, a collection; a CPU.
    code.random(1, 14, 5).add(1, 1, 9).random(2, 4).random(3, 34, 32).add(2, 2, 3).str(2, 1);
    code.random(2, 3).random(3, 48, 45).add(2, 2, 3).str(2, 1, 8);
    code
      .random(2, 2)
      .random(3, 18, 15)
      .add(2, 2, 3)
      .add(2, 2, 9)
      .random(3, 64, 63)
      .add(2, 2, 3)
      .str(2, 1, 16);
    code.random(2, 18, 16).str(2, 1, 24);
  }
  // GITS_CWRITER, with Retry or without.
  code.mov(1, 0x0808_0088).random(2, 14, 5).random(3, 1).add(2, 2, 3).store(4, 2, 1);
  code.mov(1, 0x0809_0040).random(2, 3).store(4, 2, 1);
};

/** Devices that are there are behind the last transports, which begin here. */
const TRANSPORTS = 0x0a00_3800;

/** Sets one queue of a transport up, gives it descriptors, and notifies; then it resets the device, and again. */
const virtioAgain: Build = (code) => {
  const set = (offset: number, value: number) => code.mov(2, value).store(4, 2, 10, offset);
  code.mov(10, TRANSPORTS).random(1, 11, 9).add(10, 10, 1).mov(9, DATA);
  set(0x70, 0);
  // VIRTIO_F_VERSION_1, and what a driver says on its way.
  set(0x24, 1);
  set(0x20, 1);
  set(0x70, 11);
  set(0x28, 4096);
  code.random(2, 1).store(4, 2, 10, 0x30);
  set(0x38, 8);
  // The legacy queue and the modern one are at the same place: descriptors, the ring behind them, the used ring on the next page.
  set(0x3c, 4096);
  set(0x40, DATA / 4096);
  set(0x80, DATA);
  set(0x90, DATA + 128);
  set(0xa0, DATA + 4096);
  set(0x44, 1);
  for (let n = 0; n < 8; n++) {
    // An address in DATA or one that is nowhere, a length, flags, the next one.
    code.random(2, 13, 3).add(2, 2, 9);
    if (n % 4 === 3) code.random(2);
    code
      .str(2, 9, 16 * n)
      .random(2, n % 4 === 2 ? 32 : 9)
      .store(4, 2, 9, 16 * n + 8);
    code
      .random(2, 3)
      .store(2, 2, 9, 16 * n + 12)
      .random(2, 3)
      .store(2, 2, 9, 16 * n + 14);
    code.random(2, 3).store(2, 2, 9, 128 + 4 + 2 * n);
  }
  code.random(2, 4).store(2, 2, 9, 130);
  code.mov(2, 0).store(2, 2, 9, 128);
  set(0x70, 15);
  code.random(2, 1).store(4, 2, 10, 0x50);
  // A queue is served ten microseconds later.
  code.mov(2, 5000).emit('SUB_imm', { sf: 1, rd: 2, rn: 2, imm12: 1 });
  code
    .emit('CBNZ', { sf: 1, rt: 2, imm19: -1 & 0x7_ffff })
    .random(2, 8)
    .store(4, 2, 10, 0x64);
};

/** A request of fw_cfg with any control and length, for what lies behind the guest's code; in memory it is big endian. */
const fwCfgAgain: Build = (code) => {
  code.mov(9, DATA).random(2).str(2, 9).random(2, 64, 48).mov(3, 0x2040_0000_0000).add(2, 2, 3).str(2, 9, 8);
  code.mov(1, 0x0902_0010).mov(2, 0).store(4, 2, 1).mov(2, 0x1040).store(4, 2, 1, 4);
  code.random(2, 16).mov(1, 0x0902_0008).store(2, 2, 1).mov(1, 0x0902_0000).load(8, 2, 1);
  // A request that is nowhere.
  code.mov(1, 0x0902_0010).random(2, 32).store(4, 2, 1).random(2, 32).store(4, 2, 1, 4);
};

/** A GICv2 and timers that have long been due: they interrupt at EL2 once they are unmasked, and wake the CPU. */
const timersOnce: Build = (code) => {
  code.mov(1, 0x0800_0000).mov(2, 1).store(4, 2, 1).mov(2, 0xffff_ffff).store(4, 2, 1, 0x100);
  code.mov(1, 0x0801_0000).mov(2, 1).store(4, 2, 1).mov(2, 0xff).store(4, 2, 1, 4);
  code.mov(2, 0x10).msr('HCR_EL2', 2);
  // CNTP and CNTHP: due at once, on; interrupts unmasked.
  code.mov(2, 0);
  msr(code, 2, 3, 14, 2, 2);
  msr(code, 2, 4, 14, 2, 2);
  code.mov(2, 1);
  msr(code, 2, 3, 14, 2, 1);
  msr(code, 2, 4, 14, 2, 1);
  code.isb();
};
const timersAgain: Build = (code) => {
  code.emit('MSR_imm', { op1: 3, op2: 7, crm: 15 });
  code.random(1, 20);
  msr(code, 1, 3, 14, 2, 0);
  code.random(1, 12);
  msr(code, 1, 3, 14, 3, 2);
};

/** CPUs are switched on at any place and with any affinity, suspended, and asked about; those that come on do the same. */
const psciAgain: Build = (code) => {
  code.mov(0, 0xc400_0003).random(1, 3).mov(2, CODE).random(3).emit('SMC');
  code.mov(0, 0xc400_0003).random(1).random(2).emit('SMC');
  for (const call of [0x8400_0001, 0x8400_0004, 0x8400_000a])
    code.mov(0, call).random(1, 12).random(2, 2).emit('SMC');
  code.random(0).emit('SMC').random(0, 5).mov(9, 0x8400_0010).add(0, 0, 9).emit('SMC');
};

/** SYS_OPEN to SYS_WRITE0 and some that there are not, of any place; strings of 64 KiB among them. */
const semihostingAgain: Build = (code) => {
  code
    .mov(9, DATA)
    .random(1, DATA_BITS)
    .add(1, 1, 9)
    .random(0, 2)
    .addImmediate(0, 0, 2)
    .emit('HLT', { imm16: 0xf000 });
  code.random(1).random(0, 4).emit('HLT', { imm16: 0xf000 });
};
const ones: Build = (code) => {
  code
    .mov(1, DATA)
    .mov(2, DATA + 2 ** (DATA_BITS + 1))
    .mov(3, 0x4141_4141_4141_4141n);
  code.label('fill').str(3, 1).addImmediate(1, 1, 8).emit('SUB_shift', { sf: 1, rm: 1, rn: 2, rd: 4 });
  code.emit('CBNZ', { sf: 1, rt: 4, imm19: -3 & 0x7_ffff });
};

export interface HostileGuest {
  readonly image: Uint8Array;
  /** Of the recipe, where it is not the default. */
  readonly gic?: 2 | 3;
  readonly smp?: number;
  readonly semihosting?: boolean;
  readonly virtio?: 1 | 2;
  /** How far it is looked at. */
  readonly instructions: number;
}

const wild = (base: number, bits: number, more: Partial<HostileGuest> = {}): HostileGuest => ({
  image: image((code) => code.disturb(base, bits)),
  instructions: 60_000,
  ...more,
});

export const HOSTILE: { readonly [what: string]: HostileGuest } = {
  'floods the console': {
    image: image((code) => code.mov(1, UART).random(2, 8).store(1, 2, 1)),
    instructions: 200_000,
  },
  'touches physical addresses that are not there': {
    image: image((code) => code.disturb(0, 48).disturb(0, 31)),
    instructions: 60_000,
  },
  'programs nonsense into a GICv2': wild(0x0800_0000, 19),
  'programs nonsense into a GICv3': wild(0x0800_0000, 20, { gic: 3, smp: 2 }),
  'programs nonsense into the registers of an ITS': wild(0x0808_0000, 17, { gic: 3 }),
  'gives an ITS random commands': {
    image: image(itsAgain, itsOnce),
    gic: 3,
    smp: 2,
    instructions: 30_000,
  },
  'gives virtio devices garbage for descriptors': {
    image: image(virtioAgain),
    instructions: 1_500_000,
  },
  'gives modern virtio devices garbage for descriptors': {
    image: image(virtioAgain),
    virtio: 2,
    instructions: 1_500_000,
  },
  'gives fw_cfg requests for anything anywhere': { image: image(fwCfgAgain), instructions: 1_500 },
  'gives commands to the flash': wild(0, 27),
  'writes anywhere into UART, clock, GPIO and fw_cfg': wild(0x0900_0000, 18),
  'writes anywhere into PCI Express': wild(0x40_1000_0000, 28, { gic: 3 }),
  'switches CPUs on and off': { image: image(psciAgain, timersOnce), smp: 4, instructions: 60_000 },
  'has timers that are always due': {
    image: image(timersAgain, timersOnce),
    instructions: 60_000,
  },
  'calls semihosting with nonsense': {
    image: image(semihostingAgain, ones),
    semihosting: true,
    instructions: 67_000,
  },
};

/** PSCI SYSTEM_RESET: the machine ends there, so that no guest can reset in a loop. */
export const RESETS: Uint8Array = image((code) => code.mov(0, 0x8400_0009).emit('SMC'));
