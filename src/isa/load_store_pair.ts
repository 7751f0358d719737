/** Loads and stores of register pairs. Arm ARM C4.1.88. No-allocate forms are plain ones: there is no cache to spare. */
import type { Emitter, Register, Value } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { signed } from './pseudocode.ts';
import { row } from './row.ts';

interface PairTransfer {
  readonly bytes: 4 | 8;
  readonly store: boolean;
  readonly signExtend?: true;
}
const STP_32: PairTransfer = { bytes: 4, store: true };
const LDP_32: PairTransfer = { bytes: 4, store: false };
const LDPSW: PairTransfer = { bytes: 4, store: false, signExtend: true };
const STP_64: PairTransfer = { bytes: 8, store: true };
const LDP_64: PairTransfer = { bytes: 8, store: false };

/**
 * Two accesses, lower address first; a store whose second access faults has stored the first (B2.2.1 leaves it open, as
 * QEMU 7.2 does it). A load writes no register before both have succeeded.
 */
function transferPair(
  e: Emitter,
  transfer: PairTransfer,
  { rn, rt, rt2 }: PairOperands,
  address: Value<64>,
): void {
  const { bytes, store, signExtend } = transfer;
  const access = { bytes, stack: rn };
  const second = e.add(address, e.constant(64, bytes));
  if (store) {
    const width = bytes === 8 ? 64 : 32;
    e.store(access, address, e.x(rt, width));
    e.store({ bytes }, second, e.x(rt2, width));
    return;
  }
  const low = e.keep(e.load(access, address));
  const high = e.load({ bytes }, second);
  // With Rt = Rt2 (CONSTRAINED UNPREDICTABLE) the first value stays, as in QEMU 7.2.
  e.setX(rt2, signExtend ? e.signExtend(64, high, 32) : high);
  e.setX(rt, signExtend ? e.signExtend(64, low, 32) : low);
}

interface PairOperands {
  imm: Value<64>;
  rn: Register;
  rt: Register;
  rt2: Register;
}
const scaled = ({ bytes }: PairTransfer) => ({
  imm: ({ imm7 }: Fields<'imm7'>) => signed(imm7, 7) * bytes,
});
const offset = (transfer: PairTransfer) => (operands: PairOperands, e: Emitter) =>
  transferPair(e, transfer, operands, e.keep(e.add(e.xOrSp(operands.rn, 64), operands.imm)));
// The base is written last: as for single registers, a load into the base leaves the address there.
const preIndex = (transfer: PairTransfer) => (operands: PairOperands, e: Emitter) => {
  const address = e.keep(e.add(e.xOrSp(operands.rn, 64), operands.imm));
  transferPair(e, transfer, operands, address);
  e.setXOrSp(operands.rn, address);
};
const postIndex = (transfer: PairTransfer) => (operands: PairOperands, e: Emitter) => {
  const address = e.keep(e.xOrSp(operands.rn, 64));
  transferPair(e, transfer, operands, address);
  e.setXOrSp(operands.rn, e.add(address, operands.imm));
};

// biome-ignore format: a table
export const loadStorePair = [
  // Load/store no-allocate pair (offset)
  row('STNP_32',     '00 101 0 000 0 imm7:7 rt2:5 rn:5 rt:5', scaled(STP_32), offset(STP_32)),
  row('LDNP_32',     '00 101 0 000 1 imm7:7 rt2:5 rn:5 rt:5', scaled(LDP_32), offset(LDP_32)),
  row('STNP_64',     '10 101 0 000 0 imm7:7 rt2:5 rn:5 rt:5', scaled(STP_64), offset(STP_64)),
  row('LDNP_64',     '10 101 0 000 1 imm7:7 rt2:5 rn:5 rt:5', scaled(LDP_64), offset(LDP_64)),

  // Load/store register pair (post-indexed)
  row('STP_32_post', '00 101 0 001 0 imm7:7 rt2:5 rn:5 rt:5', scaled(STP_32), postIndex(STP_32)),
  row('LDP_32_post', '00 101 0 001 1 imm7:7 rt2:5 rn:5 rt:5', scaled(LDP_32), postIndex(LDP_32)),
  row('LDPSW_post',  '01 101 0 001 1 imm7:7 rt2:5 rn:5 rt:5', scaled(LDPSW), postIndex(LDPSW)),
  row('STP_64_post', '10 101 0 001 0 imm7:7 rt2:5 rn:5 rt:5', scaled(STP_64), postIndex(STP_64)),
  row('LDP_64_post', '10 101 0 001 1 imm7:7 rt2:5 rn:5 rt:5', scaled(LDP_64), postIndex(LDP_64)),

  // Load/store register pair (offset)
  row('STP_32',      '00 101 0 010 0 imm7:7 rt2:5 rn:5 rt:5', scaled(STP_32), offset(STP_32)),
  row('LDP_32',      '00 101 0 010 1 imm7:7 rt2:5 rn:5 rt:5', scaled(LDP_32), offset(LDP_32)),
  row('LDPSW',       '01 101 0 010 1 imm7:7 rt2:5 rn:5 rt:5', scaled(LDPSW), offset(LDPSW)),
  row('STP_64',      '10 101 0 010 0 imm7:7 rt2:5 rn:5 rt:5', scaled(STP_64), offset(STP_64)),
  row('LDP_64',      '10 101 0 010 1 imm7:7 rt2:5 rn:5 rt:5', scaled(LDP_64), offset(LDP_64)),

  // Load/store register pair (pre-indexed)
  row('STP_32_pre',  '00 101 0 011 0 imm7:7 rt2:5 rn:5 rt:5', scaled(STP_32), preIndex(STP_32)),
  row('LDP_32_pre',  '00 101 0 011 1 imm7:7 rt2:5 rn:5 rt:5', scaled(LDP_32), preIndex(LDP_32)),
  row('LDPSW_pre',   '01 101 0 011 1 imm7:7 rt2:5 rn:5 rt:5', scaled(LDPSW), preIndex(LDPSW)),
  row('STP_64_pre',  '10 101 0 011 0 imm7:7 rt2:5 rn:5 rt:5', scaled(STP_64), preIndex(STP_64)),
  row('LDP_64_pre',  '10 101 0 011 1 imm7:7 rt2:5 rn:5 rt:5', scaled(LDP_64), preIndex(LDP_64)),
];
