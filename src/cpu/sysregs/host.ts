/**
 * What register names mean to a host at EL2. Arm ARM D8.1.5 (FEAT_VHE): while HCR_EL2.E2H is 1, names of EL1 and of EL0's timers
 * reach EL2's registers from EL2, so that a kernel runs there unchanged, and names with EL12 and EL02 reach the guest's.
 */
import { registerNamed } from './table.ts';

/** EL1's name and the register of EL2 that it means at EL2 with E2H. */
const EL1_TO_EL2: readonly (readonly [string, string])[] = [
  ...(['SCTLR', 'TTBR0', 'TTBR1', 'TCR', 'SPSR', 'ELR', 'AFSR0', 'AFSR1'] as const),
  ...(['ESR', 'FAR', 'MAIR', 'AMAIR', 'VBAR', 'CONTEXTIDR', 'SCXTNUM'] as const),
]
  .map((name): readonly [string, string] => [`${name}_EL1`, `${name}_EL2`])
  .concat([
    ['CPACR_EL1', 'CPTR_EL2'],
    ['CNTKCTL_EL1', 'CNTHCTL_EL2'],
  ]);

const TIMER_FIELDS = ['TVAL', 'CTL', 'CVAL'];
const timers = (from: string, to: string): (readonly [string, string])[] =>
  TIMER_FIELDS.map((field) => [`${from}_${field}_EL0`, `${to}_${field}_EL2`]);

/** Also of a host's EL0, with TGE. The virtual counter has no offset for a host. */
const EL0_TO_EL2: readonly (readonly [string, string])[] = [
  ...timers('CNTP', 'CNTHP'),
  ...timers('CNTV', 'CNTHV'),
  ['CNTVCT_EL0', 'CNTPCT_EL0'],
];

/** A name's encoding, and the register it reaches. The name's own row says who may use it and what traps. */
export interface Redirection {
  readonly encoding: number;
  readonly name: string;
  readonly target: string;
}

const OP1 = 7 << 11;
/** op1 of the names with EL12 and EL02. */
const OP1_ALIAS = 5 << 11;

function encodingOf(name: string): number {
  const row = registerNamed(name);
  if (row === undefined) throw new Error(`no system register ${name}`);
  return row.encoding;
}
const redirection = ([name, target]: readonly [string, string]): Redirection => ({
  encoding: encodingOf(name),
  name,
  target,
});

/** At EL0 while HCR_EL2.{E2H, TGE} is {1, 1}. */
export const AT_HOST_EL0: readonly Redirection[] = EL0_TO_EL2.map(redirection);

/** The names that exist at EL2 with E2H only: SCTLR_EL12, CNTP_CTL_EL02. */
const aliases: readonly Redirection[] = [
  ...EL1_TO_EL2.map(([name]) => name),
  ...['CNTP', 'CNTV'].flatMap((timer) => TIMER_FIELDS.map((field) => `${timer}_${field}_EL0`)),
].map((name) => ({ encoding: (encodingOf(name) & ~OP1) | OP1_ALIAS, name, target: name }));

/** At EL2 while HCR_EL2.E2H is 1. */
export const AT_HOST_EL2: readonly Redirection[] = [
  ...EL1_TO_EL2.map(redirection),
  ...AT_HOST_EL0,
  ...aliases,
];

const aliasEncodings = new Set(aliases.map(({ encoding }) => encoding));
/** Whether the encoding is a name that exists at EL2 with E2H only. */
export const isHostAlias = (encoding: number): boolean => aliasEncodings.has(encoding);
