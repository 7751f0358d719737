/**
 * Exclusive and ordered loads and stores. Arm ARM C4.1.88, B2.9.
 *
 * The monitor is an address and the values that were loaded from it: a store succeeds if the address is the same and
 * memory still holds the values. One word or doubleword, or a pair of words, is in exclusiveLow; a pair of doublewords
 * has its second in exclusiveHigh. Where the size or the pairing differs from the load's (CONSTRAINED UNPREDICTABLE) the
 * comparison decides, on what is stored. QEMU 7.2 reports the same; its memory differs where a narrower value matches.
 */
import type { Access, Emitter, Register, Value } from './emitter.ts';
import { type SingleTransfer, transferOf, transferRegister } from './load_store.ts';
import { row } from './row.ts';

type Bytes = 1 | 2 | 4 | 8;

interface SingleOperands {
  rn: Register;
  rt: Register;
}
interface PairOperands extends SingleOperands {
  rt2: Register;
}

function monitor(e: Emitter, address: Value<64>, low: Value<64>): void {
  e.setCell('exclusiveAddress', address);
  e.setCell('exclusiveLow', low);
}

const loadExclusive =
  (bytes: Bytes, ordered = false) =>
  ({ rn, rt }: SingleOperands, e: Emitter) => {
    const address = e.keep(e.xOrSp(rn, 64));
    const value = e.keep(e.load({ bytes, aligned: true, ordered, stack: rn }, address));
    monitor(e, address, value);
    e.setX(rt, value);
  };

// With Rt = Rt2 (CONSTRAINED UNPREDICTABLE) the second value stays, as in QEMU 7.2.
const loadExclusivePair32 =
  (ordered = false) =>
  ({ rn, rt, rt2 }: PairOperands, e: Emitter) => {
    const address = e.keep(e.xOrSp(rn, 64));
    const both = e.keep(e.load({ bytes: 8, aligned: true, ordered, stack: rn }, address));
    monitor(e, address, both);
    e.setX(rt, e.low(both));
    e.setX(rt2, e.shiftRight(both, e.constant(64, 32)));
  };
const loadExclusivePair64 =
  (ordered = false) =>
  ({ rn, rt, rt2 }: PairOperands, e: Emitter) => {
    const address = e.keep(e.xOrSp(rn, 64));
    const first: Access = { bytes: 8, aligned: true, alignment: 16, ordered, stack: rn };
    const low = e.keep(e.load(first, address));
    const high = e.keep(e.load({ bytes: 8, ordered }, e.add(address, e.constant(64, 8))));
    monitor(e, address, low);
    e.setCell('exclusiveHigh', high);
    e.setX(rt, low);
    e.setX(rt2, high);
  };

/**
 * Stores if the monitor passes, then opens it and writes the status: 0 stored, 1 not. A store that the monitor refuses
 * does not fault (IMPLEMENTATION DEFINED, as QEMU 7.2). The status is written last, so that with Rs = Rt or Rs = Rn
 * (CONSTRAINED UNPREDICTABLE) the old value is stored, at the old address, as in QEMU 7.2.
 */
function storeIfMonitored(
  e: Emitter,
  { rn, rs }: { rn: Register; rs: Register },
  access: Access,
  parts: readonly { readonly cell: 'exclusiveLow' | 'exclusiveHigh'; readonly value: Value }[],
): void {
  const address = e.keep(e.xOrSp(rn, 64));
  const at = (i: number) => (i === 0 ? address : e.add(address, e.constant(64, access.bytes * i)));
  const values = parts.map(({ value }) => e.keep(value));
  const succeed = (i: number) => {
    if (i < parts.length) {
      const now = e.load({ bytes: access.bytes, monitor: true }, at(i));
      return e.when(e.equal(now, e.cell(parts[i].cell)), () => succeed(i + 1), fail);
    }
    for (const [part, value] of values.entries())
      e.store(part === 0 ? access : { bytes: access.bytes }, at(part), value);
    finish(0);
  };
  const finish = (status: number) => {
    e.setCell('exclusiveAddress', e.constant(64, -1));
    e.setX(rs, e.constant(32, status));
    e.decided(e.constant(32, 1 - status));
  };
  const fail = () => finish(1);
  e.when(
    e.equal(address, e.cell('exclusiveAddress')),
    () => {
      e.probeStore(access, address);
      succeed(0);
    },
    fail,
  );
}

const storeExclusive =
  (bytes: Bytes, ordered = false) =>
  ({ rn, rt, rs }: SingleOperands & { rs: Register }, e: Emitter) =>
    storeIfMonitored(e, { rn, rs }, { bytes, aligned: true, ordered, stack: rn }, [
      { cell: 'exclusiveLow', value: e.x(rt, bytes === 8 ? 64 : 32) },
    ]);
const storeExclusivePair32 =
  (ordered = false) =>
  ({ rn, rt, rt2, rs }: PairOperands & { rs: Register }, e: Emitter) => {
    const high = e.shiftLeft(e.x(rt2, 64), e.constant(64, 32));
    const both = e.or(e.zeroExtend(64, e.x(rt, 32), 32), high);
    storeIfMonitored(e, { rn, rs }, { bytes: 8, aligned: true, ordered, stack: rn }, [
      { cell: 'exclusiveLow', value: both },
    ]);
  };
const storeExclusivePair64 =
  (ordered = false) =>
  ({ rn, rt, rt2, rs }: PairOperands & { rs: Register }, e: Emitter) =>
    storeIfMonitored(e, { rn, rs }, { bytes: 8, aligned: true, alignment: 16, ordered, stack: rn }, [
      { cell: 'exclusiveLow', value: e.x(rt, 64) },
      { cell: 'exclusiveHigh', value: e.x(rt2, 64) },
    ]);

const ordered = (transfer: SingleTransfer) => ({ transfer: transferOf(transfer, true) });
/** Limited ordering regions (FEAT_LOR): ordered everywhere here, but no acquire and release in the syndrome, as in QEMU 7.2. */
const limited = (transfer: SingleTransfer) => ({ feature: 'LOR', transfer: transferOf(transfer) });
const orderedTransfer =
  (transfer: SingleTransfer) =>
  ({ rn, rt }: SingleOperands, e: Emitter) =>
    transferRegister(e, transfer, rt, e.xOrSp(rn, 64), { aligned: true, ordered: true, stack: rn });

const loadOf = (bytes: Bytes): SingleTransfer => ({ bytes, store: false });
const storeOf = (bytes: Bytes): SingleTransfer => ({ bytes, store: true });

// `sbo`: the register fields that should be ones where they are not used; they are ignored.
// biome-ignore format: a table
export const loadStoreExclusive = [
  // Load/store exclusive register
  row('STXRB',    '00 001000 0 0 0 rs:5  0 sbo2:5 rn:5 rt:5', {}, storeExclusive(1)),
  row('STLXRB',   '00 001000 0 0 0 rs:5  1 sbo2:5 rn:5 rt:5', {}, storeExclusive(1, true)),
  row('LDXRB',    '00 001000 0 1 0 sbo:5 0 sbo2:5 rn:5 rt:5', {}, loadExclusive(1)),
  row('LDAXRB',   '00 001000 0 1 0 sbo:5 1 sbo2:5 rn:5 rt:5', {}, loadExclusive(1, true)),
  row('STXRH',    '01 001000 0 0 0 rs:5  0 sbo2:5 rn:5 rt:5', {}, storeExclusive(2)),
  row('STLXRH',   '01 001000 0 0 0 rs:5  1 sbo2:5 rn:5 rt:5', {}, storeExclusive(2, true)),
  row('LDXRH',    '01 001000 0 1 0 sbo:5 0 sbo2:5 rn:5 rt:5', {}, loadExclusive(2)),
  row('LDAXRH',   '01 001000 0 1 0 sbo:5 1 sbo2:5 rn:5 rt:5', {}, loadExclusive(2, true)),
  row('STXR_32',  '10 001000 0 0 0 rs:5  0 sbo2:5 rn:5 rt:5', {}, storeExclusive(4)),
  row('STLXR_32', '10 001000 0 0 0 rs:5  1 sbo2:5 rn:5 rt:5', {}, storeExclusive(4, true)),
  row('LDXR_32',  '10 001000 0 1 0 sbo:5 0 sbo2:5 rn:5 rt:5', {}, loadExclusive(4)),
  row('LDAXR_32', '10 001000 0 1 0 sbo:5 1 sbo2:5 rn:5 rt:5', {}, loadExclusive(4, true)),
  row('STXR_64',  '11 001000 0 0 0 rs:5  0 sbo2:5 rn:5 rt:5', {}, storeExclusive(8)),
  row('STLXR_64', '11 001000 0 0 0 rs:5  1 sbo2:5 rn:5 rt:5', {}, storeExclusive(8, true)),
  row('LDXR_64',  '11 001000 0 1 0 sbo:5 0 sbo2:5 rn:5 rt:5', {}, loadExclusive(8)),
  row('LDAXR_64', '11 001000 0 1 0 sbo:5 1 sbo2:5 rn:5 rt:5', {}, loadExclusive(8, true)),

  // Load/store exclusive pair
  row('STXP_32',  '10 001000 0 0 1 rs:5  0 rt2:5  rn:5 rt:5', {}, storeExclusivePair32()),
  row('STLXP_32', '10 001000 0 0 1 rs:5  1 rt2:5  rn:5 rt:5', {}, storeExclusivePair32(true)),
  row('LDXP_32',  '10 001000 0 1 1 sbo:5 0 rt2:5  rn:5 rt:5', {}, loadExclusivePair32()),
  row('LDAXP_32', '10 001000 0 1 1 sbo:5 1 rt2:5  rn:5 rt:5', {}, loadExclusivePair32(true)),
  row('STXP_64',  '11 001000 0 0 1 rs:5  0 rt2:5  rn:5 rt:5', {}, storeExclusivePair64()),
  row('STLXP_64', '11 001000 0 0 1 rs:5  1 rt2:5  rn:5 rt:5', {}, storeExclusivePair64(true)),
  row('LDXP_64',  '11 001000 0 1 1 sbo:5 0 rt2:5  rn:5 rt:5', {}, loadExclusivePair64()),
  row('LDAXP_64', '11 001000 0 1 1 sbo:5 1 rt2:5  rn:5 rt:5', {}, loadExclusivePair64(true)),

  // Load/store ordered
  row('STLRB',    '00 001000 1 0 0 sbo:5 1 sbo2:5 rn:5 rt:5', ordered(storeOf(1)), orderedTransfer(storeOf(1))),
  row('LDARB',    '00 001000 1 1 0 sbo:5 1 sbo2:5 rn:5 rt:5', ordered(loadOf(1)), orderedTransfer(loadOf(1))),
  row('STLRH',    '01 001000 1 0 0 sbo:5 1 sbo2:5 rn:5 rt:5', ordered(storeOf(2)), orderedTransfer(storeOf(2))),
  row('LDARH',    '01 001000 1 1 0 sbo:5 1 sbo2:5 rn:5 rt:5', ordered(loadOf(2)), orderedTransfer(loadOf(2))),
  row('STLR_32',  '10 001000 1 0 0 sbo:5 1 sbo2:5 rn:5 rt:5', ordered(storeOf(4)), orderedTransfer(storeOf(4))),
  row('LDAR_32',  '10 001000 1 1 0 sbo:5 1 sbo2:5 rn:5 rt:5', ordered(loadOf(4)), orderedTransfer(loadOf(4))),
  row('STLR_64',  '11 001000 1 0 0 sbo:5 1 sbo2:5 rn:5 rt:5', ordered(storeOf(8)), orderedTransfer(storeOf(8))),
  row('LDAR_64',  '11 001000 1 1 0 sbo:5 1 sbo2:5 rn:5 rt:5', ordered(loadOf(8)), orderedTransfer(loadOf(8))),
  row('STLLRB',   '00 001000 1 0 0 sbo:5 0 sbo2:5 rn:5 rt:5', limited(storeOf(1)), orderedTransfer(storeOf(1))),
  row('LDLARB',   '00 001000 1 1 0 sbo:5 0 sbo2:5 rn:5 rt:5', limited(loadOf(1)), orderedTransfer(loadOf(1))),
  row('STLLRH',   '01 001000 1 0 0 sbo:5 0 sbo2:5 rn:5 rt:5', limited(storeOf(2)), orderedTransfer(storeOf(2))),
  row('LDLARH',   '01 001000 1 1 0 sbo:5 0 sbo2:5 rn:5 rt:5', limited(loadOf(2)), orderedTransfer(loadOf(2))),
  row('STLLR_32', '10 001000 1 0 0 sbo:5 0 sbo2:5 rn:5 rt:5', limited(storeOf(4)), orderedTransfer(storeOf(4))),
  row('LDLAR_32', '10 001000 1 1 0 sbo:5 0 sbo2:5 rn:5 rt:5', limited(loadOf(4)), orderedTransfer(loadOf(4))),
  row('STLLR_64', '11 001000 1 0 0 sbo:5 0 sbo2:5 rn:5 rt:5', limited(storeOf(8)), orderedTransfer(storeOf(8))),
  row('LDLAR_64', '11 001000 1 1 0 sbo:5 0 sbo2:5 rn:5 rt:5', limited(loadOf(8)), orderedTransfer(loadOf(8))),
];
