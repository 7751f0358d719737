/**
 * TLB maintenance: what each operation invalidates, as plain data, so that a broadcast is the same value given to every CPU's
 * TLB. Arm ARM D8.16.5, C5.5.
 *
 * The shareable forms (IS, OS) have the scope of the local ones; sending them to the other CPUs is the caller's. Entries are
 * leaves only, so the last-level forms (VALE1, VAALE1, VALE2, IPAS2LE1) are the same as the plain ones, and the level hint of
 * FEAT_TTL says nothing that is needed.
 */
import type { Regime, RegimeName } from './regime.ts';
import type { ContextName, Tlb } from './tlb.ts';
import type { CanonicalAddress } from './translation.ts';

export const TLBI_OPERATIONS = [
  'VMALLE1',
  'VAE1',
  'ASIDE1',
  'VAAE1',
  'VALE1',
  'VAALE1',
  'VMALLS12E1',
  'ALLE1',
  'IPAS2E1',
  'IPAS2LE1',
  'ALLE2',
  'VAE2',
  'VALE2',
  'RVAE1',
  'RVAAE1',
  'RVALE1',
  'RVAALE1',
  'RIPAS2E1',
  'RIPAS2LE1',
  'RVAE2',
  'RVALE2',
] as const;
type LocalOperation = (typeof TLBI_OPERATIONS)[number];
type BroadcastOperation = `${LocalOperation}${'IS' | 'OS'}`;
export type TlbiOperation = LocalOperation | BroadcastOperation;

export type TlbInvalidation =
  /** All entries of a regime; `vmid` null is every VMID. */
  | { readonly scope: 'all'; readonly regime: RegimeName; readonly vmid: number | null }
  /** The entries of one ASID that are not global. */
  | { readonly scope: 'asid'; readonly regime: RegimeName; readonly vmid: number; readonly asid: number }
  /** The entries that touch [va, end): those of one ASID, or of all (null), and the global ones. */
  | {
      readonly scope: 'va';
      readonly regime: RegimeName;
      readonly vmid: number;
      readonly asid: number | null;
      readonly va: CanonicalAddress;
      readonly end: CanonicalAddress;
    }
  /** The entries for stage 2 alone that touch the intermediate physical addresses [ipa, end). */
  | { readonly scope: 'ipa'; readonly vmid: number; readonly ipa: number; readonly end: number }
  | { readonly scope: 'nothing' };

interface Parsed {
  readonly local: LocalOperation;
  readonly el2: boolean;
  readonly broadcast: boolean;
  /** Of one page: in the argument's ASID, or in all. */
  readonly page: 'asid' | 'all' | undefined;
}
const pageOperation = (local: LocalOperation): Parsed['page'] =>
  /^VAA/.test(local) ? 'all' : /^VA/.test(local) ? 'asid' : undefined;
const PARSED: ReadonlyMap<TlbiOperation, Parsed> = new Map(
  TLBI_OPERATIONS.flatMap((local) => {
    const parsed = { local, el2: local.endsWith('E2'), broadcast: false, page: pageOperation(local) };
    const broadcast = { ...parsed, broadcast: true };
    return [
      [local, parsed],
      [`${local}IS`, broadcast],
      [`${local}OS`, broadcast],
    ];
  }),
);

export const isBroadcast = (operation: TlbiOperation): operation is BroadcastOperation =>
  PARSED.get(operation)!.broadcast;

/** An invalidation by address, to be filled in. */
export type PageInvalidation = {
  -readonly [K in keyof Extract<TlbInvalidation, { scope: 'va' }>]: Extract<
    TlbInvalidation,
    { scope: 'va' }
  >[K];
};

/**
 * As `decodeTlbi`, for an operation of one page by virtual address, which kernels make tens of thousands of: fills `what` in. False
 * where it is another operation.
 */
export function decodePageTlbi(
  operation: TlbiOperation,
  argument: bigint,
  regimeAt: (el: 0 | 2) => Regime,
  what: PageInvalidation,
): boolean {
  const { el2, page } = PARSED.get(operation)!;
  if (page === undefined) return false;
  const { name, vmid, asidMask } = regimeAt(el2 ? 2 : 0);
  WHOLE[0] = argument;
  what.regime = name;
  what.vmid = vmid;
  what.asid = page === 'all' ? null : (HALVES[1] >>> 16) & asidMask;
  // VA[55:12] in bits 43 to 0. An address that no table maps is NaN or out of every range, and drops nothing.
  what.va = (((HALVES[1] << 20) >> 20) * 2 ** 32 + HALVES[0]) * 4096;
  what.end = what.va + 4096;
  return true;
}

/** The regimes that the operations for EL1 and for EL2 work on now. */
export interface TlbiRegimes {
  readonly el1: RegimeName;
  readonly el2: RegimeName;
}

/**
 * What an operation that is not of one page means on the CPU that executes it. `regimeOf` decodes a regime as it is now: the
 * operations for EL1 work on EL2&0 while HCR_EL2.{E2H, TGE} is {1, 1}, those that name both stages never do.
 */
export function decodeTlbi(
  operation: TlbiOperation,
  argument: bigint,
  regimes: TlbiRegimes,
  regimeOf: (name: RegimeName) => Regime,
): TlbInvalidation {
  const { local, el2 } = PARSED.get(operation)!;
  const regime = el2 ? regimes.el2 : regimes.el1;
  const { vmid, asidMask } = regimeOf(regime);
  WHOLE[0] = argument;
  const asid = (HALVES[1] >>> 16) & asidMask;
  switch (local) {
    case 'VMALLE1':
      return { scope: 'all', regime, vmid };
    case 'VMALLS12E1':
      return { scope: 'all', regime: 'EL10', vmid: regimeOf('EL10').vmid };
    case 'ALLE1':
      return { scope: 'all', regime: 'EL10', vmid: null };
    case 'ALLE2':
      return { scope: 'all', regime, vmid: null };
    case 'ASIDE1':
      return { scope: 'asid', regime, vmid, asid };
    case 'IPAS2E1':
    case 'IPAS2LE1':
      return ipaRange(regimeOf('EL10').vmid, {
        va: Number(argument & 0xff_ffff_ffffn) * 4096,
        end: (Number(argument & 0xff_ffff_ffffn) + 1) * 4096,
      });
    case 'RVAE1':
    case 'RVALE1':
    case 'RVAE2':
    case 'RVALE2':
      return vaRange(regime, vmid, asid, rangeOf(argument, regimeOf(regime).largeAddresses));
    case 'RVAAE1':
    case 'RVAALE1':
      return vaRange(regime, vmid, null, rangeOf(argument, regimeOf(regime).largeAddresses));
    case 'RIPAS2E1':
    case 'RIPAS2LE1': {
      const el10 = regimeOf('EL10');
      return ipaRange(el10.vmid, rangeOf(argument, el10.stage2?.largeAddresses ?? false, false));
    }
    default:
      throw new Error(`TLBI ${operation} is of one page: decodePageTlbi`);
  }
}

interface AddressRange {
  readonly va: CanonicalAddress;
  readonly end: CanonicalAddress;
}
const vaRange = (
  regime: RegimeName,
  vmid: number,
  asid: number | null,
  range: AddressRange | null,
): TlbInvalidation => (range === null ? { scope: 'nothing' } : { scope: 'va', regime, vmid, asid, ...range });
const ipaRange = (vmid: number, range: AddressRange | null): TlbInvalidation =>
  range === null ? { scope: 'nothing' } : { scope: 'ipa', vmid, ipa: range.va, end: range.end };

/** Takes an argument apart without arithmetic on BigInts. */
const WHOLE = new BigUint64Array(1);
const HALVES = new Uint32Array(WHOLE.buffer);

/**
 * FEAT_TLBIRANGE: (NUM + 1) << (5 * SCALE + 1) pages of granule TG from BaseADDR, which is in pages, with 52-bit addresses (DS)
 * in units of 64 KiB. A reserved granule invalidates nothing.
 */
function rangeOf(argument: bigint, largeAddresses: boolean, signed = true): AddressRange | null {
  const granule = Number((argument >> 46n) & 3n);
  if (granule === 0) return null;
  const pageBits = 10 + 2 * granule;
  const scale = Number((argument >> 44n) & 3n);
  const count = (Number((argument >> 39n) & 31n) + 1) * 2 ** (5 * scale + 1);
  const base = Number(signed ? BigInt.asIntN(37, argument) : BigInt.asUintN(37, argument));
  const va = base * 2 ** (largeAddresses ? 16 : pageBits);
  return { va, end: va + count * 2 ** pageBits };
}

/**
 * Takes out of a TLB what an invalidation demands, and no more: a block goes whole when an address in it goes.
 *
 * IPAS2E1 reaches the entries for stage 2 alone (stage 1 off). Entries that combine both stages stay, as the architecture
 * permits and QEMU does: software follows it with VMALLE1 or VAAE1, and one that forgets shows here.
 */
export function invalidate(tlb: Tlb, what: TlbInvalidation): void {
  switch (what.scope) {
    case 'all':
      tlb.dropContexts((name) => inRegime(name, what.regime, what.vmid));
      break;
    case 'asid':
      tlb.dropContexts((name) => name.asid === what.asid && inRegime(name, what.regime, what.vmid));
      break;
    case 'va':
      tlb.dropRange(what, what.va, what.end);
      break;
    case 'ipa':
      tlb.dropRange({ regime: 'EL10 flat', vmid: what.vmid, asid: null }, what.ipa, what.end);
  }
}

const inRegime = (name: ContextName, regime: RegimeName, vmid: number | null): boolean =>
  (name.regime === regime || (name.regime === 'EL10 flat' && regime === 'EL10')) &&
  (vmid === null || name.vmid === vmid);
