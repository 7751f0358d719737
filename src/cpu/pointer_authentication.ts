/**
 * FEAT_PAuth: signing and authenticating pointers, with the traps and the switches of each key. Arm ARM D8.8 (the layout of a
 * pointer, without FEAT_EPAC and FEAT_PAuth2), J1.1.3 (AddPAC, Auth, Strip, ComputePAC), D17.2.48 (HCR_EL2.API).
 */
import type { Runtime } from '../isa/emitter.ts';
import { xxhash64 } from './pointer_hash.ts';
import { qarma5 } from './qarma.ts';
import { CELL, type CpuState } from './state.ts';
import { slotOf } from './sysregs/table.ts';

export interface PointerAuthenticationOptions {
  readonly state: CpuState;
  readonly features: ReadonlySet<string>;
  /** EL2 exists, and so HCR_EL2.API traps. */
  readonly el2: boolean;
  /** HCR_EL2.API traps the instruction to EL2: takes the exception. */
  readonly onTrap: () => void;
}

const EL = CELL.el >>> 2;
const HCR = slotOf('HCR_EL2');
const SCTLR = { el1: slotOf('SCTLR_EL1'), el2: slotOf('SCTLR_EL2') };
const TCR = { el1: slotOf('TCR_EL1'), el2: slotOf('TCR_EL2') };
/** In HCR_EL2[31:0], and in [63:32]. */
const TGE = 1 << 27;
const E2H = 1 << 2;
const API = 1 << 9;

/** `enable` is the bit of SCTLR_ELx that switches the key on. `number` is in the error code of a pointer that is not authentic. */
const key = (name: string, enable: number, number: 0 | 1) => ({
  low: slotOf(`AP${name}KeyLo_EL1`),
  high: slotOf(`AP${name}KeyHi_EL1`),
  enable,
  number,
  data: name.startsWith('D'),
});
type Key = ReturnType<typeof key>;
const IA = key('IA', 31, 0);
const IB = key('IB', 30, 1);
const DA = key('DA', 27, 0);
const DB = key('DB', 13, 1);
const GA = key('GA', 0, 0);

const ones = (width: number) => (1n << BigInt(width)) - 1n;
const UPPER_WORD = 0xffff_ffff_0000_0000n;
const BIT_55 = 1n << 55n;

/** Where a pointer's code is: below bit 55 from `bottom` on, and in the top byte unless that is ignored. */
interface Layout {
  readonly bottom: number;
  readonly tagged: boolean;
  /** Bits of the code, bit 55 apart; and with bit 55, all that must be equal in a plain pointer. */
  readonly code: bigint;
  readonly extension: bigint;
}
const layouts = new Map<number, Layout>();
function layoutOf(bottom: number, tagged: boolean): Layout {
  const index = 2 * bottom + Number(tagged);
  let layout = layouts.get(index);
  if (layout === undefined) {
    const extension = ones(tagged ? 56 : 64) & ~ones(bottom);
    layout = { bottom, tagged, extension, code: extension & ~BIT_55 };
    layouts.set(index, layout);
  }
  return layout;
}

type PointerCalls = Pick<
  Runtime,
  'pacia' | 'pacib' | 'pacda' | 'pacdb' | 'autia' | 'autib' | 'autda' | 'autdb' | 'pacga' | 'xpaci' | 'xpacd'
>;

export class PointerAuthentication implements PointerCalls {
  readonly #options: PointerAuthenticationOptions;
  readonly #state: CpuState;
  readonly #compute: typeof qarma5;
  readonly #smallTables: boolean;

  constructor(options: PointerAuthenticationOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#compute = options.features.has('PACIMP') ? xxhash64 : qarma5;
    this.#smallTables = options.features.has('TTST');
  }

  pacia(pointer: bigint, modifier: bigint): bigint {
    return this.#sign(pointer, modifier, IA);
  }
  pacib(pointer: bigint, modifier: bigint): bigint {
    return this.#sign(pointer, modifier, IB);
  }
  pacda(pointer: bigint, modifier: bigint): bigint {
    return this.#sign(pointer, modifier, DA);
  }
  pacdb(pointer: bigint, modifier: bigint): bigint {
    return this.#sign(pointer, modifier, DB);
  }
  autia(pointer: bigint, modifier: bigint): bigint {
    return this.#authenticate(pointer, modifier, IA);
  }
  autib(pointer: bigint, modifier: bigint): bigint {
    return this.#authenticate(pointer, modifier, IB);
  }
  autda(pointer: bigint, modifier: bigint): bigint {
    return this.#authenticate(pointer, modifier, DA);
  }
  autdb(pointer: bigint, modifier: bigint): bigint {
    return this.#authenticate(pointer, modifier, DB);
  }
  /** No control switches it off, but it traps. */
  pacga(value: bigint, modifier: bigint): bigint {
    return this.#trapped() ? value : this.#code(value, modifier, GA) & UPPER_WORD;
  }
  xpaci(pointer: bigint): bigint {
    return this.#strip(pointer, this.#layoutOf(pointer, false));
  }
  xpacd(pointer: bigint): bigint {
    return this.#strip(pointer, this.#layoutOf(pointer, true));
  }

  /** AddPAC(). A pointer whose extension bits were not all equal gets a wrong code. */
  #sign(pointer: bigint, modifier: bigint, by: Key): bigint {
    if (!this.#enabled(by) || this.#trapped()) return pointer;
    const upper = this.#selects(pointer, by.data);
    const { extension, code, tagged } = this.#layoutOf(pointer, by.data, upper);
    const plain = upper ? pointer | extension : pointer & ~extension;
    const given = pointer & extension;
    const spoilt = given === 0n || given === extension ? 0n : 1n << (tagged ? 54n : 62n);
    const computed = (this.#code(plain, modifier, by) ^ spoilt) & code;
    return (plain & ~code) | computed;
  }

  /** Auth(). What is not authentic gets an error code in its highest bits, and faults when it is used. */
  #authenticate(pointer: bigint, modifier: bigint, by: Key): bigint {
    if (!this.#enabled(by) || this.#trapped()) return pointer;
    const layout = this.#layoutOf(pointer, by.data);
    const plain = this.#strip(pointer, layout);
    if (((this.#code(plain, modifier, by) ^ pointer) & layout.code) === 0n) return plain;
    const at = layout.tagged ? 53n : 61n;
    return (plain & ~(3n << at)) | (BigInt(by.number === 0 ? 1 : 2) << at);
  }

  #strip(pointer: bigint, { extension }: Layout): bigint {
    return pointer & BIT_55 ? pointer | extension : pointer & ~extension;
  }

  #code(pointer: bigint, modifier: bigint, { low, high }: Key): bigint {
    const { u64 } = this.#state;
    return this.#compute(pointer, modifier, u64[high], u64[low]);
  }

  /** The regime's registers are EL2's: at EL2, and at EL0 of a host. */
  get #registers(): 'el1' | 'el2' {
    const { u32 } = this.#state;
    const el = u32[EL];
    const hostsEl0 = u32[2 * HCR] & TGE && u32[2 * HCR + 1] & E2H;
    return el === 2 || (el === 0 && hostsEl0) ? 'el2' : 'el1';
  }
  /** Addresses have an upper and a lower range. */
  get #twoRanges(): boolean {
    return this.#registers === 'el1' || (this.#state.u32[2 * HCR + 1] & E2H) !== 0;
  }

  #enabled({ enable }: Key): boolean {
    return ((this.#state.u32[2 * SCTLR[this.#registers]] >>> enable) & 1) !== 0;
  }

  #trapped(): boolean {
    const { u32 } = this.#state;
    if (!this.#options.el2 || this.#registers === 'el2' || u32[2 * HCR + 1] & API) return false;
    this.#options.onTrap();
    return true;
  }

  /** EffectiveTBI(): TBI0 and TBI1 are bits 37 and 38, TBID0 and TBID1 bits 51 and 52; of one range, bits 20 and 29. */
  #tagged(upper: boolean, data: boolean): boolean {
    const tcr = 2 * TCR[this.#registers];
    const { u32 } = this.#state;
    if (!this.#twoRanges) return ((u32[tcr] >>> 20) & 1) !== 0 && (data || ((u32[tcr] >>> 29) & 1) === 0);
    const range = upper ? 1 : 0;
    const high = u32[tcr + 1];
    return ((high >>> (5 + range)) & 1) !== 0 && (data || ((high >>> (19 + range)) & 1) === 0);
  }

  /** Whether the signed pointer is of the upper range: bit 55 where a top byte is ignored in either range, else bit 63. */
  #selects(pointer: bigint, data: boolean): boolean {
    const anyTagged = this.#twoRanges
      ? this.#tagged(false, data) || this.#tagged(true, data)
      : this.#tagged(false, data);
    return ((pointer >> (anyTagged ? 55n : 63n)) & 1n) !== 0n;
  }

  /** CalculateBottomPACBit(). Sizes out of range are taken as the nearest that is not, as QEMU 7.2 does. */
  #layoutOf(pointer: bigint, data: boolean, sizeOfUpper = (pointer & BIT_55) !== 0n): Layout {
    const upper = (pointer & BIT_55) !== 0n;
    const tcr = this.#state.u32[2 * TCR[this.#registers]];
    const two = this.#twoRanges;
    const field = two && sizeOfUpper ? (tcr >>> 16) & 63 : tcr & 63;
    const has64K = two && sizeOfUpper ? tcr >>> 30 === 3 : ((tcr >>> 14) & 3) === 1;
    const most = this.#smallTables ? (has64K ? 47 : 48) : 39;
    return layoutOf(64 - Math.min(Math.max(field, 16), most), this.#tagged(upper, data));
  }
}
