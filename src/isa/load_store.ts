/** What the classes of single-register loads and stores share: the transfers, and the ways to form an address. */
import type { Access, Emitter, Register, Value, Width } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { signed } from './pseudocode.ts';
import type { Transfer } from './row.ts';

export interface SingleTransfer {
  readonly bytes: 1 | 2 | 4 | 8;
  readonly store: boolean;
  /** A sign-extending load, to this width. */
  readonly signExtend?: Width;
}
const load = (bytes: 1 | 2 | 4 | 8, signExtend?: Width): SingleTransfer => ({
  bytes,
  store: false,
  signExtend,
});
const store = (bytes: 1 | 2 | 4 | 8): SingleTransfer => ({ bytes, store: true });

export const STRB = store(1);
export const LDRB = load(1);
export const LDRSB_64 = load(1, 64);
export const LDRSB_32 = load(1, 32);
export const STRH = store(2);
export const LDRH = load(2);
export const LDRSH_64 = load(2, 64);
export const LDRSH_32 = load(2, 32);
export const STR_32 = store(4);
export const LDR_32 = load(4);
export const LDRSW = load(4, 64);
export const STR_64 = store(8);
export const LDR_64 = load(8);

/** ISS[23:14] of a data abort (D17.2.40): 64-bit registers are those of LDRSx to X, and of doublewords. */
export const transferOf =
  ({ bytes, signExtend }: SingleTransfer, ar = false) =>
  ({ rt }: Fields<'rt'>): Transfer => ({
    sas: Math.log2(bytes),
    sse: signExtend !== undefined,
    srt: rt,
    sf: signExtend ? signExtend === 64 : bytes === 8,
    ar,
  });

/** Does the transfer at `address`. */
export function transferRegister(
  e: Emitter,
  { bytes, store, signExtend }: SingleTransfer,
  rt: Register,
  address: Value<64>,
  how: Omit<Access, 'bytes'>,
): void {
  const access = { bytes, ...how };
  if (store) {
    e.store(access, address, e.x(rt, bytes === 8 ? 64 : 32));
    return;
  }
  const value = e.load(access, address);
  e.setX(rt, signExtend && bytes !== 8 ? e.signExtend(signExtend, value, (8 * bytes) as 8 | 16 | 32) : value);
}

export const signedOffset9 = { imm: ({ imm9 }: Fields<'imm9'>) => signed(imm9, 9) };

interface BaseAndOffset {
  imm: Value<64>;
  rn: Register;
  rt: Register;
}
/** Without writeback. */
export const offset =
  (transfer: SingleTransfer, how: Omit<Access, 'bytes' | 'stack'> = {}) =>
  ({ imm, rn, rt }: BaseAndOffset, e: Emitter) =>
    transferRegister(e, transfer, rt, e.add(e.xOrSp(rn, 64), imm), { ...how, stack: rn });

// Where the base is also transferred (CONSTRAINED UNPREDICTABLE), a store stores the old value and after a load the base
// has the address, as in QEMU 7.2: so the base is written last.
export const preIndex =
  (transfer: SingleTransfer) =>
  ({ imm, rn, rt }: BaseAndOffset, e: Emitter) => {
    const address = e.keep(e.add(e.xOrSp(rn, 64), imm));
    transferRegister(e, transfer, rt, address, { stack: rn });
    e.setXOrSp(rn, address);
  };
export const postIndex =
  (transfer: SingleTransfer) =>
  ({ imm, rn, rt }: BaseAndOffset, e: Emitter) => {
    const address = e.keep(e.xOrSp(rn, 64));
    transferRegister(e, transfer, rt, address, { stack: rn });
    e.setXOrSp(rn, e.add(address, imm));
  };

/** Prefetches are hints: none is needed here, and they never fault. */
export const prefetch = () => {};
