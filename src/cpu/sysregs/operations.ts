/** System instructions: cache maintenance, address translation, TLB maintenance. Arm ARM C5.3.1, C5.4, C5.5. */
import type { AtOperation } from '../../mmu/address_translate.ts';
import type { TlbiOperation } from '../../mmu/tlbi.ts';
import { systemRegisterEncoding } from './row.ts';
import { DZE, EN_RCTX, TDZ, TPC, TPU, type Trap, TSW, TTLB, UCI } from './traps.ts';

export type OperationKind =
  | { readonly kind: 'tlbi'; readonly operation: TlbiOperation }
  | { readonly kind: 'at'; readonly operation: AtOperation }
  /** DC by address: `write` is DC IVAC, which needs permission to write. */
  | { readonly kind: 'dc'; readonly write: boolean }
  | { readonly kind: 'dc zva' }
  /** Changes nothing here: caches are coherent, and code is looked at when it changes. */
  | { readonly kind: 'none' };

export interface SystemOperation {
  /** As written in assembly, for example "TLBI VAE1IS". */
  readonly name: string;
  /** op0:op1:CRn:CRm:op2, op0 is 1. */
  readonly encoding: number;
  /** Lowest exception level; UNDEFINED below. */
  readonly el: 0 | 1 | 2;
  readonly traps: readonly Trap[];
  readonly does: OperationKind;
  /** Absent from CPUs without it: then UNDEFINED. */
  readonly feature: string | undefined;
}

function operation(
  name: string,
  encoding: string,
  traps: readonly Trap[],
  does: OperationKind,
  feature?: string,
): SystemOperation {
  const [op1, crn, crm, op2] = encoding.trim().split(/\s+/).map(Number);
  const el = op1 === 0 ? 1 : op1 === 3 ? 0 : 2;
  return { name, encoding: systemRegisterEncoding(1, op1, crn, crm, op2), el, traps, does, feature };
}

const none = { kind: 'none' } as const;
const clean = { kind: 'dc', write: false } as const;
const tlbi = (name: TlbiOperation, encoding: string, feature?: string) => {
  const traps = encoding.startsWith('0') ? [TTLB] : [];
  return operation(`TLBI ${name}`, encoding, traps, { kind: 'tlbi', operation: name }, feature);
};
const at = (name: AtOperation, encoding: string, feature?: string) =>
  operation(`AT ${name}`, encoding, [], { kind: 'at', operation: name }, feature);
const outer = (name: TlbiOperation, encoding: string) => tlbi(name, encoding, 'TLBIOS');
const range = (name: TlbiOperation, encoding: string) => tlbi(name, encoding, 'TLBIRANGE');

// Encodings are "op1 CRn CRm op2".
// biome-ignore format: one aligned row per operation
export const SYSTEM_OPERATIONS: readonly SystemOperation[] = [
  operation('IC IALLUIS', '0 7 1 0',  [TPU], none),
  operation('IC IALLU',   '0 7 5 0',  [TPU], none),
  operation('IC IVAU',    '3 7 5 1',  [...UCI, TPU], none),
  operation('DC IVAC',    '0 7 6 1',  [TPC], { kind: 'dc', write: true }),
  operation('DC ISW',     '0 7 6 2',  [TSW], none),
  operation('DC CSW',     '0 7 10 2', [TSW], none),
  operation('DC CISW',    '0 7 14 2', [TSW], none),
  operation('DC ZVA',     '3 7 4 1',  [...DZE, TDZ], { kind: 'dc zva' }),
  operation('DC CVAC',    '3 7 10 1', [...UCI, TPC], clean),
  operation('DC CVAU',    '3 7 11 1', [...UCI, TPU], clean),
  operation('DC CVAP',    '3 7 12 1', [...UCI, TPC], clean, 'DPB'),
  operation('DC CVADP',   '3 7 13 1', [...UCI, TPC], clean, 'DPB2'),
  operation('DC CIVAC',   '3 7 14 1', [...UCI, TPC], clean),

  // Nothing is predicted here.
  operation('CFP RCTX',   '3 7 3 4',  EN_RCTX, none, 'SPECRES'),
  operation('DVP RCTX',   '3 7 3 5',  EN_RCTX, none, 'SPECRES'),
  operation('CPP RCTX',   '3 7 3 7',  EN_RCTX, none, 'SPECRES'),

  at('S1E1R',  '0 7 8 0'),
  at('S1E1W',  '0 7 8 1'),
  at('S1E0R',  '0 7 8 2'),
  at('S1E0W',  '0 7 8 3'),
  at('S1E1RP', '0 7 9 0', 'PAN2'),
  at('S1E1WP', '0 7 9 1', 'PAN2'),
  at('S1E2R',  '4 7 8 0'),
  at('S1E2W',  '4 7 8 1'),
  at('S12E1R', '4 7 8 4'),
  at('S12E1W', '4 7 8 5'),
  at('S12E0R', '4 7 8 6'),
  at('S12E0W', '4 7 8 7'),

  tlbi('VMALLE1IS',    '0 8 3 0'),
  tlbi('VAE1IS',       '0 8 3 1'),
  tlbi('ASIDE1IS',     '0 8 3 2'),
  tlbi('VAAE1IS',      '0 8 3 3'),
  tlbi('VALE1IS',      '0 8 3 5'),
  tlbi('VAALE1IS',     '0 8 3 7'),
  tlbi('VMALLE1',      '0 8 7 0'),
  tlbi('VAE1',         '0 8 7 1'),
  tlbi('ASIDE1',       '0 8 7 2'),
  tlbi('VAAE1',        '0 8 7 3'),
  tlbi('VALE1',        '0 8 7 5'),
  tlbi('VAALE1',       '0 8 7 7'),
  tlbi('IPAS2E1IS',    '4 8 0 1'),
  tlbi('IPAS2LE1IS',   '4 8 0 5'),
  tlbi('ALLE2IS',      '4 8 3 0'),
  tlbi('VAE2IS',       '4 8 3 1'),
  tlbi('ALLE1IS',      '4 8 3 4'),
  tlbi('VALE2IS',      '4 8 3 5'),
  tlbi('VMALLS12E1IS', '4 8 3 6'),
  tlbi('IPAS2E1',      '4 8 4 1'),
  tlbi('IPAS2LE1',     '4 8 4 5'),
  tlbi('ALLE2',        '4 8 7 0'),
  tlbi('VAE2',         '4 8 7 1'),
  tlbi('ALLE1',        '4 8 7 4'),
  tlbi('VALE2',        '4 8 7 5'),
  tlbi('VMALLS12E1',   '4 8 7 6'),

  outer('VMALLE1OS',    '0 8 1 0'),
  outer('VAE1OS',       '0 8 1 1'),
  outer('ASIDE1OS',     '0 8 1 2'),
  outer('VAAE1OS',      '0 8 1 3'),
  outer('VALE1OS',      '0 8 1 5'),
  outer('VAALE1OS',     '0 8 1 7'),
  outer('ALLE2OS',      '4 8 1 0'),
  outer('VAE2OS',       '4 8 1 1'),
  outer('ALLE1OS',      '4 8 1 4'),
  outer('VALE2OS',      '4 8 1 5'),
  outer('VMALLS12E1OS', '4 8 1 6'),
  outer('IPAS2E1OS',    '4 8 4 0'),
  outer('IPAS2LE1OS',   '4 8 4 4'),

  range('RVAE1IS',      '0 8 2 1'),
  range('RVAAE1IS',     '0 8 2 3'),
  range('RVALE1IS',     '0 8 2 5'),
  range('RVAALE1IS',    '0 8 2 7'),
  range('RVAE1OS',      '0 8 5 1'),
  range('RVAAE1OS',     '0 8 5 3'),
  range('RVALE1OS',     '0 8 5 5'),
  range('RVAALE1OS',    '0 8 5 7'),
  range('RVAE1',        '0 8 6 1'),
  range('RVAAE1',       '0 8 6 3'),
  range('RVALE1',       '0 8 6 5'),
  range('RVAALE1',      '0 8 6 7'),
  range('RIPAS2E1IS',   '4 8 0 2'),
  range('RIPAS2LE1IS',  '4 8 0 6'),
  range('RVAE2IS',      '4 8 2 1'),
  range('RVALE2IS',     '4 8 2 5'),
  range('RIPAS2E1',     '4 8 4 2'),
  range('RIPAS2E1OS',   '4 8 4 3'),
  range('RIPAS2LE1',    '4 8 4 6'),
  range('RIPAS2LE1OS',  '4 8 4 7'),
  range('RVAE2OS',      '4 8 5 1'),
  range('RVALE2OS',     '4 8 5 5'),
  range('RVAE2',        '4 8 6 1'),
  range('RVALE2',       '4 8 6 5'),
];

const byEncoding = new Map(SYSTEM_OPERATIONS.map((row) => [row.encoding, row]));
if (byEncoding.size !== SYSTEM_OPERATIONS.length) throw new Error('two system operations share an encoding');
export const operationAt = (encoding: number): SystemOperation | undefined => byEncoding.get(encoding);
