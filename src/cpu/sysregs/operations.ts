/** System instructions: cache maintenance, address translation, TLB maintenance. Arm ARM C5.3.1, C5.4, C5.5. */
import type { AtOperation } from '../../mmu/address_translate.ts';
import type { TlbiOperation } from '../../mmu/tlbi.ts';
import { systemRegisterEncoding } from './row.ts';
import { DZE, TDZ, TPC, TPU, type Trap, TSW, TTLB, UCI } from './traps.ts';

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
}

function operation(
  name: string,
  encoding: string,
  traps: readonly Trap[],
  does: OperationKind,
): SystemOperation {
  const [op1, crn, crm, op2] = encoding.trim().split(/\s+/).map(Number);
  const el = op1 === 0 ? 1 : op1 === 3 ? 0 : 2;
  return { name, encoding: systemRegisterEncoding(1, op1, crn, crm, op2), el, traps, does };
}

const none = { kind: 'none' } as const;
const clean = { kind: 'dc', write: false } as const;
const tlbi = (name: TlbiOperation, encoding: string) =>
  operation(`TLBI ${name}`, encoding, encoding.startsWith('0') ? [TTLB] : [], {
    kind: 'tlbi',
    operation: name,
  });
const at = (name: AtOperation, encoding: string) =>
  operation(`AT ${name}`, encoding, [], { kind: 'at', operation: name });

// Encodings are "op1 CRn CRm op2".
// biome-ignore format: one aligned row per operation
export const SYSTEM_OPERATIONS: readonly SystemOperation[] = [
  operation('IC IALLUIS', '0 7 1 0',  [TPU], none),
  operation('IC IALLU',   '0 7 5 0',  [TPU], none),
  operation('IC IVAU',    '3 7 5 1',  [UCI, TPU], none),
  operation('DC IVAC',    '0 7 6 1',  [TPC], { kind: 'dc', write: true }),
  operation('DC ISW',     '0 7 6 2',  [TSW], none),
  operation('DC CSW',     '0 7 10 2', [TSW], none),
  operation('DC CISW',    '0 7 14 2', [TSW], none),
  operation('DC ZVA',     '3 7 4 1',  [DZE, TDZ], { kind: 'dc zva' }),
  operation('DC CVAC',    '3 7 10 1', [UCI, TPC], clean),
  operation('DC CVAU',    '3 7 11 1', [UCI, TPU], clean),
  operation('DC CIVAC',   '3 7 14 1', [UCI, TPC], clean),

  at('S1E1R',  '0 7 8 0'),
  at('S1E1W',  '0 7 8 1'),
  at('S1E0R',  '0 7 8 2'),
  at('S1E0W',  '0 7 8 3'),
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
];

const byEncoding = new Map(SYSTEM_OPERATIONS.map((row) => [row.encoding, row]));
if (byEncoding.size !== SYSTEM_OPERATIONS.length) throw new Error('two system operations share an encoding');
export const operationAt = (encoding: number): SystemOperation | undefined => byEncoding.get(encoding);
