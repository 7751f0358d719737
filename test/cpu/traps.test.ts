import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MAX } from '../../src/cpu/models/max.ts';
import { operationAt, SYSTEM_OPERATIONS } from '../../src/cpu/sysregs/operations.ts';
import { registerAt, SYSTEM_REGISTERS } from '../../src/cpu/sysregs/table.ts';
import type { Trap } from '../../src/cpu/sysregs/traps.ts';
import { CpuMachine, mrs, msr } from './cpu_machine.ts';

/** Control registers in which nothing traps: as probes/traps.c sets them. */
const OPEN: readonly (readonly [string, bigint])[] = [
  ['HCR_EL2', (1n << 31n) | (1n << 40n)],
  ['CPTR_EL2', 0x33ffn],
  ['MDCR_EL2', 6n],
  // With E2H too.
  ['CNTHCTL_EL2', 0xf03n],
  ['CNTKCTL_EL1', 0x303n],
  ['CPACR_EL1', 3n << 20n],
  ['SCTLR_EL1', 0x30d0_0800n | 0x0405_c200n],
  ['PMUSERENR_EL0', 0xfn],
  ['MDSCR_EL1', 0n],
  ['ICH_HCR_EL2', 0n],
];
/** What nothing traps with besides, where EL2 has VHE and more: FPEN in CPTR_EL2, SCTLR_EL2, and APK, API and EnSCXT of HCR_EL2. */
const OPEN_EXTENSIONS: readonly (readonly [string, bigint])[] = [
  ['CPTR_EL2', 0x30_33ffn],
  ['SCTLR_EL2', 0x0405_c600n],
  ['SCTLR_EL1', 0x30c0_0800n | 0x0405_c600n],
  ['HCR_EL2', (1n << 31n) | (3n << 40n) | (1n << 53n)],
];
/** Bits that trap when they are 0. */
const INVERTED = /^(CNT|SCTLR|PMUSERENR|CPACR_EL1\.2[01])/;

function openMachine(el: number): CpuMachine {
  const machine = new CpuMachine();
  for (const [name, value] of OPEN) machine.registers.set(name, value);
  machine.enter(el);
  return machine;
}

/** On a CPU that has every row. */
function openMax(el: number): CpuMachine {
  const machine = new CpuMachine({ model: MAX });
  for (const [name, value] of [...OPEN, ...OPEN_EXTENSIONS]) machine.registers.set(name, value);
  machine.enter(el);
  return machine;
}

/** Sets the control registers so that the trap, and no other, stands in the way. */
function close(machine: CpuMachine, { when, inHost }: Trap): void {
  for (const { register, lsb, width, values } of when) {
    const mask = ((1n << BigInt(width)) - 1n) << BigInt(lsb);
    const before = machine.registers.get(register);
    machine.registers.set(register, (before & ~mask) | (BigInt(values[0]) << BigInt(lsb)));
  }
  if (inHost) machine.registers.set('HCR_EL2', machine.registers.get('HCR_EL2') | (1n << 34n) | (1n << 27n));
}

/** "HCR_EL2.26" sets (or clears) a bit; "PMUSERENR_EL0=2" is a value. */
function configure(machine: CpuMachine, configuration: string): void {
  const [register, bit] = configuration.split('.');
  const [name, value] = configuration.split('=');
  if (value !== undefined) {
    machine.registers.set(name, BigInt(value));
    return;
  }
  const mask = 1n << BigInt(bit);
  const before = machine.registers.get(register);
  machine.registers.set(register, INVERTED.test(configuration) ? before & ~mask : before | mask);
}

const nameOf = (encoding: number) => registerAt(encoding)?.name ?? operationAt(encoding)?.name ?? '?';

interface Probe {
  readonly title: string;
  readonly word: number;
  readonly el: number;
  readonly base: string;
  readonly traps: Map<string, string>;
}
/** What the probe tried besides, and QEMU trapped nothing at: TPMCR, TTA, TIDCP, TWI (the probe has no WFI), TWE and so on. */
const WITHOUT_TRAPS = [
  'MDCR_EL2.5',
  'CPTR_EL2.20',
  'CPACR_EL1.28',
  'MDSCR_EL1.12',
  'HCR_EL2.13',
  'HCR_EL2.14',
].concat(['HCR_EL2.15', 'HCR_EL2.20', 'SCTLR_EL1.16', 'SCTLR_EL1.18']);
/** "T2 6232c001", or "ok". */
const outcome = (esr: string, target: string) => (target === '0' ? 'ok' : `T${target} ${esr}`);

function readProbes(): { probes: Probe[]; configurations: Set<string> } {
  const probes: Probe[] = [];
  const configurations = new Set<string>();
  for (const line of readFileSync(new URL('traps.qemu.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n')) {
    const [kind, id, el, esr, target] = line.trim().split(' ');
    if (kind === '-') {
      configurations.add(id);
      probes.at(-1)?.traps.set(id, outcome(el, esr));
      continue;
    }
    const number = Number.parseInt(id, 16);
    const word = kind === 'X' ? number : kind === 'R' ? mrs(number) : msr(number);
    const title = `${kind} ${kind === 'X' ? id : nameOf(number)} EL${el}`;
    probes.push({ title, word, el: Number(el), base: outcome(esr, target), traps: new Map() });
  }
  return { probes, configurations };
}

const run = (probe: Probe, configuration?: string): string => {
  const machine = openMachine(probe.el);
  if (configuration) configure(machine, configuration);
  const { target, esr } = machine.execute(probe.word);
  return target < 0 ? 'ok' : `T${target} ${esr.toString(16)}`;
};

/** Where the Arm ARM says otherwise than QEMU 7.2 does, and why. */
const EXPLAINED: readonly { readonly title: RegExp; readonly configuration: RegExp; readonly why: string }[] =
  [
    { title: /PMCR_EL0/, configuration: /^MDCR_EL2\.5$/, why: 'QEMU lacks MDCR_EL2.TPMCR' },
    {
      title: / PM\w+ EL0$/,
      configuration: /^MDCR_EL2\.6$/,
      why: 'QEMU forgets TPM where PMUSERENR_EL0 lets EL0 in by ER, CR or SW',
    },
    {
      title: /R CNTPCT_EL0 EL0/,
      configuration: /^CNTHCTL_EL2\.[01]$/,
      why: 'QEMU looks at EL1PCEN instead of EL1PCTEN',
    },
    { title: /R MDCCSR_EL0 EL0/, configuration: /^MDSCR_EL1\.12$/, why: 'QEMU lacks MDSCR_EL1.TDCC' },
    {
      title: /(L2\w*CTLR|L2MERRSR|CPU\w+|CBAR)_EL1 EL1$/,
      configuration: /^HCR_EL2\.20$/,
      why: 'QEMU lacks HCR_EL2.TIDCP',
    },
    { title: /X d503205f EL/, configuration: /^(HCR_EL2\.14|SCTLR_EL1\.18)$/, why: 'QEMU never traps WFE' },
    {
      title: /X d50343[df]f EL0/,
      configuration: /^SCTLR_EL1\.9$/,
      why: 'QEMU swaps op1 and op2 in the ESR of a trapped DAIFSet',
    },
  ];

describe('the trap matrix', () => {
  const { probes, configurations } = readProbes();

  it('every instruction of QEMU traps at each control bit, and at no other, with the same ESR and target', () => {
    const differences: string[] = [];
    const used = new Set<string>();
    for (const probe of probes)
      for (const configuration of [undefined, ...configurations, ...WITHOUT_TRAPS]) {
        const ours = run(probe, configuration);
        const theirs = (configuration && probe.traps.get(configuration)) || probe.base;
        if (ours === theirs) continue;
        const reason = EXPLAINED.find(
          (entry) => entry.title.test(probe.title) && entry.configuration.test(configuration ?? 'base'),
        );
        if (reason) used.add(reason.why);
        else differences.push(`${probe.title} with ${configuration ?? 'nothing'}: ${ours}, QEMU ${theirs}`);
      }
    expect(probes.length).toBeGreaterThan(400);
    expect(differences).toEqual([]);
    expect([...used].sort(), 'no explanation is left over').toEqual(EXPLAINED.map(({ why }) => why).sort());
  });

  it('every trap in the table fires for its row, writes its row of sysregs, and does not fire with its bits the other way', () => {
    const { registers } = openMax(2);
    const present = SYSTEM_REGISTERS.filter((row) => row.feature !== 'FP' && registers.exists(row));
    let fired = 0;
    for (const row of present)
      for (const trap of row.traps)
        for (const el of trap.from)
          for (const isRead of [true, false]) {
            if (trap.direction !== 'both' && (trap.direction === 'read') !== isRead) continue;
            if (!row.access[el].includes(isRead ? 'r' : 'w')) continue;
            const machine = openMax(el);
            const word = isRead ? mrs(row.encoding, 7) : msr(row.encoding, 7);
            expect(machine.execute(word).target, `${row.name} at EL${el} with nothing trapped`).toBe(-1);
            const trapped = openMax(el);
            close(trapped, trap);
            // HCR_EL2.TGE also sends EL0's traps to EL1 to EL2.
            const { target, esr } = trapped.execute(word);
            expect(
              [target, esr >>> 26, (esr >>> 5) & 31, esr & 1],
              `${trap.name} on ${row.name} at EL${el}`,
            ).toEqual([trap.target, 0x18, 7, isRead ? 1 : 0]);
            expect(trapped.rows('sysregs').at(-1)).toMatchObject({
              register: row.name,
              trapped_to: trap.target,
              el,
            });
            fired += 1;
          }
    expect(fired).toBeGreaterThan(300);
  });

  it('every trap of a system operation fires from EL1 and EL0', () => {
    for (const row of SYSTEM_OPERATIONS)
      for (const trap of row.traps)
        for (const el of trap.from.filter((level) => level >= row.el)) {
          const machine = openMax(el);
          close(machine, trap);
          const { target, esr } = machine.execute(msr(row.encoding, 3));
          expect([target, esr >>> 26], `${trap.name} on ${row.name} at EL${el}`).toEqual([trap.target, 0x18]);
        }
  });

  it('a trap of EL0 to EL1 goes to EL2 while HCR_EL2.TGE is 1', () => {
    const machine = openMachine(0);
    machine.registers.set('HCR_EL2', (1n << 31n) | (1n << 27n));
    machine.registers.set('SCTLR_EL1', 0n);
    expect(machine.execute(mrs(0xd801, 9))).toMatchObject({ target: 2, esr: 0x6232_c121 }); // CTR_EL0
    expect(machine.rows('sysregs')).toMatchObject([{ register: 'CTR_EL0', trapped_to: 2, el: 0 }]);
  });
});
