/** Loads and stores of one register with a register offset. Arm ARM C4.1.88. */
import type { Emitter, Register, Value } from './emitter.ts';
import {
  LDR_32,
  LDR_64,
  LDRB,
  LDRH,
  LDRSB_32,
  LDRSB_64,
  LDRSH_32,
  LDRSH_64,
  LDRSW,
  prefetch,
  type SingleTransfer,
  STR_32,
  STR_64,
  STRB,
  STRH,
  transferOf,
  transferRegister,
} from './load_store.ts';
import type { Fields } from './pattern.ts';
import { type Extension, extendRegister, extensionForm } from './pseudocode.ts';
import { row } from './row.ts';

const unallocated = ({ option }: Fields<'option'>) => (option & 2) === 0;

const indexed = (transfer: SingleTransfer) => ({
  shape: ({ option }: Fields<'option'>) => ({ extension: extensionForm(option, 64) }),
  bytes: { amount: ({ s }: Fields<'s'>) => (s ? Math.log2(transfer.bytes) : 0) },
  unallocated,
  transfer: transferOf(transfer),
});
interface IndexedOperands {
  extension: Extension;
  amount: Value<32>;
  rm: Register;
  rn: Register;
  rt: Register;
}
const indexing =
  (transfer: SingleTransfer) =>
  ({ extension, amount, rm, rn, rt }: IndexedOperands, e: Emitter) => {
    const index = e.shiftLeft(extendRegister(e, 64, rm, extension), e.zeroExtend(64, amount, 32));
    transferRegister(e, transfer, rt, e.add(e.xOrSp(rn, 64), index), { stack: rn });
  };

// biome-ignore format: a table
export const loadStoreRegisterOffset = [
  row('STRB_reg',     '00 111 0 00 00 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(STRB), indexing(STRB)),
  row('LDRB_reg',     '00 111 0 00 01 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(LDRB), indexing(LDRB)),
  row('LDRSB_64_reg', '00 111 0 00 10 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(LDRSB_64), indexing(LDRSB_64)),
  row('LDRSB_32_reg', '00 111 0 00 11 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(LDRSB_32), indexing(LDRSB_32)),
  row('STRH_reg',     '01 111 0 00 00 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(STRH), indexing(STRH)),
  row('LDRH_reg',     '01 111 0 00 01 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(LDRH), indexing(LDRH)),
  row('LDRSH_64_reg', '01 111 0 00 10 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(LDRSH_64), indexing(LDRSH_64)),
  row('LDRSH_32_reg', '01 111 0 00 11 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(LDRSH_32), indexing(LDRSH_32)),
  row('STR_32_reg',   '10 111 0 00 00 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(STR_32), indexing(STR_32)),
  row('LDR_32_reg',   '10 111 0 00 01 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(LDR_32), indexing(LDR_32)),
  row('LDRSW_reg',    '10 111 0 00 10 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(LDRSW), indexing(LDRSW)),
  row('STR_64_reg',   '11 111 0 00 00 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(STR_64), indexing(STR_64)),
  row('LDR_64_reg',   '11 111 0 00 01 1 rm:5 option:3 s:1 10 rn:5 rt:5', indexed(LDR_64), indexing(LDR_64)),
  row('PRFM_reg',     '11 111 0 00 10 1 rm:5 option:3 s:1 10 rn:5 prfop:5', { unallocated }, prefetch),
];
