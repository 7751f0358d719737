/**
 * Both stages of address translation written straight down from the Arm ARM's pseudocode (AArch64.FullTranslate as of Armv8.2),
 * in BigInt, from the raw registers: slow, plain, and sharing nothing with src/mmu. The property test compares the two.
 */
export interface ReferenceMachine {
  readonly reg: (name: string) => bigint;
  /** The little-endian doubleword at an address, undefined where there is no memory. */
  readonly read64: (pa: bigint) => bigint | undefined;
  readonly paMax: bigint;
  readonly vhe: boolean;
  readonly xnx: boolean;
  readonly hpd: boolean;
  readonly ttst: boolean;
}

export interface ReferenceFault {
  type: string;
  stage: number;
  level: number;
  s1ptw: boolean;
  ipa: bigint;
}
export type ReferenceResult =
  | { fault: ReferenceFault }
  | { fault: null; pa: bigint; device: boolean; attr: bigint; sh: bigint };

type Kind = 'read' | 'write' | 'fetch';
const bits = (v: bigint, hi: number, lo: number) => (v >> BigInt(lo)) & ((1n << BigInt(hi - lo + 1)) - 1n);
const bit = (v: bigint, n: number) => bits(v, n, n) === 1n;
const ones = (n: bigint) => (1n << n) - 1n;

class Abort extends Error {
  readonly fault: ReferenceFault;
  constructor(fault: ReferenceFault) {
    super(fault.type);
    this.fault = fault;
  }
}

export function referenceTranslate(
  m: ReferenceMachine,
  va: bigint,
  el: 0 | 1 | 2,
  kind: Kind,
  stages: 1 | 2,
  pan: boolean,
): ReferenceResult {
  try {
    return fullTranslate(m, va, el, kind, stages, pan);
  } catch (e) {
    if (e instanceof Abort) return { fault: e.fault };
    throw e;
  }
}

function fullTranslate(
  m: ReferenceMachine,
  va: bigint,
  el: 0 | 1 | 2,
  kind: Kind,
  stages: 1 | 2,
  pan: boolean,
) {
  const hcr = m.reg('HCR_EL2');
  const e2h = m.vhe && bit(hcr, 34);
  const tge = bit(hcr, 27);
  const inHost = e2h && (el === 2 || (el === 0 && tge));
  const el2Regime = el === 2 || inHost;
  const dc = bit(hcr, 12);
  const hasS2 = !el2Regime;
  const s2on = hasS2 && (bit(hcr, 0) || dc);
  const sctlr = m.reg(el2Regime ? 'SCTLR_EL2' : 'SCTLR_EL1');
  const tcr = m.reg(el2Regime ? 'TCR_EL2' : 'TCR_EL1');
  const mair = m.reg(el2Regime ? 'MAIR_EL2' : 'MAIR_EL1');
  const s1on = bit(sctlr, 0) && (el2Regime || (!tge && !dc));
  const twoRanges = !el2Regime || inHost;
  const fail1 = (type: string, level: number): never => {
    throw new Abort({ type, stage: 1, level, s1ptw: false, ipa: 0n });
  };

  // AddrTop
  const tbi = twoRanges ? (bit(va, 55) ? bit(tcr, 38) : bit(tcr, 37)) : bit(tcr, 20);
  const top = tbi ? 55 : 63;

  let ipa: bigint;
  let s1attr: bigint;
  let s1sh: bigint;
  if (!s1on) {
    if (top >= Number(m.paMax) && bits(va, top, Number(m.paMax)) !== 0n) fail1('address size', 0);
    ipa = bits(va, Number(m.paMax) - 1, 0);
    s1attr = dc && hasS2 ? 0xffn : 0n;
    s1sh = dc && hasS2 ? 0n : 2n;
  } else {
    const upper = twoRanges && bit(va, top);
    const tg = upper
      ? ({ 1: 14, 2: 12, 3: 16 }[Number(bits(tcr, 31, 30))] ?? 12)
      : ({ 0: 12, 1: 16, 2: 14 }[Number(bits(tcr, 15, 14))] ?? 12);
    const tsz = upper ? bits(tcr, 21, 16) : bits(tcr, 5, 0);
    const inputsize = 64n - tsz;
    const min = m.ttst ? (tg === 16 ? 17n : 16n) : 25n;
    const topBits = bits(va, top, Math.min(Number(inputsize), top));
    const expected = upper ? ones(BigInt(top) - inputsize + 1n) : 0n;
    const found = inputsize >= min && inputsize <= 48n && topBits === expected;
    const disabled = twoRanges && (upper ? bit(tcr, 23) : bit(tcr, 7));
    if (!found || disabled) fail1('translation', 0);
    const ttbr = m.reg(`TTBR${upper ? 1 : 0}_EL${el2Regime ? 2 : 1}`);
    const ps = twoRanges ? bits(tcr, 34, 32) : bits(tcr, 18, 16);
    const outputsize = physicalSize(ps, m.paMax);
    const stride = BigInt(tg) - 3n;
    const level = 4n - (1n + (inputsize - BigInt(tg) - 1n) / stride);
    const hpd = m.hpd && (twoRanges ? (upper ? bit(tcr, 42) : bit(tcr, 41)) : bit(tcr, 24));
    const r = walk(m, {
      input: va & ones(inputsize),
      inputsize,
      tg: BigInt(tg),
      level,
      ttbr,
      outputsize,
      firstBlock: tg === 12 ? 1n : 2n,
      ee: bit(sctlr, 25),
      fail: fail1,
      locate: s2on ? (a) => stage2(m, a, kind, el, true, hcr).pa : (a) => a,
    });
    // APTable, UXNTable, PXNTable
    const t = hpd ? 0n : r.tables;
    const ap2 = bit(r.desc, 7) || bit(t, 62);
    const ap1 = bit(r.desc, 6) && !(twoRanges && bit(t, 61));
    const xn = bit(r.desc, 54) || bit(t, 60);
    const pxn = bit(r.desc, 53) || bit(t, 59);
    const wxn = bit(sctlr, 19);
    const attr = bits(mair, 8 * Number(bits(r.desc, 4, 2)) + 7, 8 * Number(bits(r.desc, 4, 2)));
    let read: boolean;
    let write: boolean;
    let never: boolean;
    if (twoRanges) {
      const userWrite = ap1 && !ap2;
      if (el === 0) {
        read = ap1;
        write = userWrite;
        never = xn || (userWrite && wxn);
      } else {
        read = true;
        write = !ap2;
        never = pxn || (write && wxn) || userWrite;
        if (pan && ap1) read = write = false;
      }
    } else {
      read = true;
      write = !ap2;
      never = xn || (write && wxn);
    }
    if (kind === 'fetch' ? never : kind === 'write' ? !write : !read) fail1('permission', Number(r.level));
    ipa = r.output;
    s1attr = attr;
    if (attr >> 4n !== 0n && !bit(sctlr, 2)) s1attr = 0x44n;
    s1sh = bits(r.desc, 9, 8);
    if (s1attr >> 4n === 0n || s1attr === 0x44n) s1sh = 2n;
  }
  if (!s2on || stages === 1)
    return { fault: null, pa: ipa, device: s1attr >> 4n === 0n, attr: s1attr, sh: s1sh };

  const s2 = stage2(m, ipa, kind, el, false, hcr);
  const device1 = s1attr >> 4n === 0n;
  const device2 = s2.attr >> 4n === 0n;
  let attr: bigint;
  if (device1 && device2) attr = s1attr < s2.attr ? s1attr : s2.attr;
  else if (device1) attr = s1attr;
  else if (device2) attr = s2.attr;
  else {
    const one = (a: bigint, b: bigint) => {
      if (a === 4n || b === 4n) return 4n;
      const policy = (n: bigint) => (bit(n, 2) ? 3 : 2);
      return policy(a) === 3 && policy(b) === 2 ? 8n | (a & 3n) : a;
    };
    attr = (one(s1attr >> 4n, s2.attr >> 4n) << 4n) | one(s1attr & 15n, s2.attr & 15n);
  }
  let sh = s1sh === 2n || s2.sh === 2n ? 2n : s1sh === 3n || s2.sh === 3n ? 3n : 0n;
  if (attr >> 4n === 0n || attr === 0x44n) sh = 2n;
  return { fault: null, pa: s2.pa, device: device1 || device2, attr, sh };
}

function stage2(m: ReferenceMachine, ipa: bigint, kind: Kind, el: number, s1ptw: boolean, hcr: bigint) {
  const fail = (type: string, level: number): never => {
    throw new Abort({ type, stage: 2, level, s1ptw, ipa });
  };
  const vtcr = m.reg('VTCR_EL2');
  const tg = BigInt({ 0: 12, 1: 16, 2: 14 }[Number(bits(vtcr, 15, 14))] ?? 12);
  const inputsize = 64n - bits(vtcr, 5, 0);
  const sl0 = bits(vtcr, 7, 6);
  const stride = tg - 3n;
  let level = tg === 12n ? 2n - sl0 : 3n - sl0;
  if (tg === 12n && sl0 === 3n && m.ttst) level = 3n;
  let found =
    inputsize <= 48n && inputsize >= (m.ttst ? (tg === 16n ? 17n : 16n) : 25n) && ipa >> inputsize === 0n;
  if (tg === 16n && (level === 0n || (level === 1n && m.paMax <= 42n))) found = false;
  if (tg === 14n && (level === 0n || (level === 1n && m.paMax <= 40n))) found = false;
  if (tg === 12n && (level < 0n || (level === 0n && m.paMax <= 42n))) found = false;
  if (inputsize > m.paMax) found = false;
  const entries = inputsize - ((3n - level) * stride + tg);
  if (entries < 1n || entries > stride + 4n) found = false;
  if (!found) fail('translation', 0);
  const r = walk(m, {
    input: ipa,
    inputsize,
    tg,
    level,
    ttbr: m.reg('VTTBR_EL2'),
    outputsize: physicalSize(bits(vtcr, 18, 16), m.paMax),
    firstBlock: tg === 12n ? 1n : 2n,
    ee: bit(m.reg('SCTLR_EL2'), 25),
    fail,
    locate: (a) => a,
  });
  const xn = m.xnx ? [false, el === 1, true, el === 0][Number(bits(r.desc, 54, 53))] : bit(r.desc, 54);
  const outer = bits(r.desc, 5, 4);
  const inner = bits(r.desc, 3, 2);
  const code = (c: bigint) => (c === 1n ? 4n : (c << 2n) | 3n);
  let attr = outer === 0n ? inner << 2n : (code(outer) << 4n) | code(inner);
  const device = outer === 0n;
  if (s1ptw) {
    if (!bit(r.desc, 6)) fail('permission', Number(r.level));
    if (bit(hcr, 2) && device) fail('permission', Number(r.level));
  } else if (kind === 'fetch' ? xn : kind === 'write' ? !bit(r.desc, 7) : !bit(r.desc, 6)) {
    fail('permission', Number(r.level));
  }
  if (!device && bit(hcr, 32)) attr = 0x44n;
  return { pa: r.output, attr, sh: device || attr === 0x44n ? 2n : bits(r.desc, 9, 8) };
}

const physicalSize = (ps: bigint, paMax: bigint) => {
  const size = [32n, 36n, 40n, 42n, 44n, 48n, 48n, 48n][Number(ps)];
  return size < paMax ? size : paMax;
};

interface WalkInput {
  input: bigint;
  inputsize: bigint;
  tg: bigint;
  level: bigint;
  ttbr: bigint;
  outputsize: bigint;
  firstBlock: bigint;
  ee: boolean;
  fail: (type: string, level: number) => never;
  locate: (address: bigint) => bigint;
}

function walk(m: ReferenceMachine, w: WalkInput) {
  const { input, inputsize, tg, ttbr, outputsize, fail } = w;
  const stride = tg - 3n;
  let { level } = w;
  const tooLarge = (v: bigint) => bits(v, 47, 0) >> outputsize !== 0n;
  if (tooLarge(ttbr)) fail('address size', 0);
  const lowerBound = 3n + inputsize - ((3n - level) * stride + tg);
  let base = (bits(ttbr, 47, 0) >> lowerBound) << lowerBound;
  let selectTop = inputsize - 1n;
  let tables = 0n;
  for (;;) {
    const bottom = (3n - level) * stride + tg;
    const index = bits(input, Number(selectTop), Number(bottom));
    const raw = m.read64(w.locate(base | (index << 3n)));
    if (raw === undefined) return fail('external', Number(level));
    const desc = w.ee ? reverseBytes(raw) : raw;
    const type = Number(desc & 3n);
    if (type === 0 || type === 2 || (type === 1 && level === 3n)) fail('translation', Number(level));
    if (type === 3 && level !== 3n) {
      if (tooLarge(desc)) fail('address size', Number(level));
      tables |= desc;
      base = (bits(desc, 47, 0) >> tg) << tg;
      level++;
      selectTop = bottom - 1n;
      continue;
    }
    if (type === 1 && level < w.firstBlock) fail('translation', Number(level));
    if (tooLarge(desc)) fail('address size', Number(level));
    if (!bit(desc, 10)) fail('access flag', Number(level));
    const output = ((bits(desc, 47, 0) >> bottom) << bottom) | (input & ones(bottom));
    return { desc, level, output, tables };
  }
}

function reverseBytes(v: bigint): bigint {
  let out = 0n;
  for (let i = 0n; i < 8n; i++) out |= ((v >> (8n * i)) & 0xffn) << (8n * (7n - i));
  return out;
}
