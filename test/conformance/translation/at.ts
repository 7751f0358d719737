/**
 * AT instructions on random tables, in QEMU and in our MMU. The image is a loop at EL2: load a configuration, execute every AT
 * on every address, store PAR_EL1 (or, for an instruction that took an exception, its syndrome with bit 63 set).
 */
import { faultStatusCode } from '../../../src/cpu/fault.ts';
import { GuestMemory } from '../../../src/machine/memory.ts';
import { canonicalAddress } from '../../../src/mmu/address.ts';
import { AT_OPERATIONS, type AtOperation } from '../../../src/mmu/address_translate.ts';
import { mmuFeatures } from '../../../src/mmu/features.ts';
import { Mmu } from '../../../src/mmu/mmu.ts';
import { NO_EVENTS } from '../../../src/trace/schema.ts';
import { Code, type SystemRegisterName } from '../random/assembler.ts';
import { RAM } from '../random/layout.ts';
import { runInQemu } from '../random/qemu_runner.ts';
import { Choices } from '../random/randomness.ts';
import {
  CONFIGURED,
  randomTranslation,
  type TranslationConfiguration,
  type TranslationCpu,
} from './configuration.ts';
import { TableSpace } from './table_builder.ts';

/** One page of code and vectors: the only thing that the EL2 regime must map. On a 64 KiB border. */
const DRIVER = 0x4020_0000;
const DATA = 0x4030_0000;
const TABLES = 0x4100_0000;
const TABLES_SIZE = 0x200_0000;
const RESULTS = 0x4400_0000;

/** The P forms come with PAN, which is 1 then. */
const operationsOf = ({ updates }: TranslationCpu) =>
  AT_OPERATIONS.filter((operation) => updates || !operation.endsWith('P'));
const el1Operations = (cpu: TranslationCpu) =>
  operationsOf(cpu).filter((operation) => !operation.includes('E2'));
const el2Operations = (cpu: TranslationCpu) =>
  operationsOf(cpu).filter((operation) => operation.includes('E2'));
const orderOf = (cpu: TranslationCpu) => [...el1Operations(cpu), ...el2Operations(cpu)];

const AT_FIELDS: { readonly [operation in string]: { op1: number; crm: number; op2: number } } = {
  S1E1R: { op1: 0, crm: 8, op2: 0 },
  S1E1W: { op1: 0, crm: 8, op2: 1 },
  S1E0R: { op1: 0, crm: 8, op2: 2 },
  S1E0W: { op1: 0, crm: 8, op2: 3 },
  S1E1RP: { op1: 0, crm: 9, op2: 0 },
  S1E1WP: { op1: 0, crm: 9, op2: 1 },
  S1E2R: { op1: 4, crm: 8, op2: 0 },
  S1E2W: { op1: 4, crm: 8, op2: 1 },
  S12E1R: { op1: 4, crm: 8, op2: 4 },
  S12E1W: { op1: 4, crm: 8, op2: 5 },
  S12E0R: { op1: 4, crm: 8, op2: 6 },
  S12E0W: { op1: 4, crm: 8, op2: 7 },
};
const EXCEPTION = 1n << 63n;

/** X20 walks over the data, X21 over the results; X19 is SCTLR_EL2 with the MMU on, X18 with it off. */
function program(cpu: TranslationCpu): Uint32Array {
  const code = new Code(DRIVER);
  const [below, own] = [el1Operations(cpu), el2Operations(cpu)];
  if (cpu.updates) code.emit('MSR_imm', { op1: 0, crm: 1, op2: 4 });
  code
    .mov(0, DRIVER + 0x800)
    .msr('VBAR_EL2', 0)
    .mov(20, DATA)
    .mov(21, RESULTS)
    .mov(18, 0x30c5_0830);
  code.label('configure').ldr(0, 20).cbz(0, 'off');
  for (const [i, name] of CONFIGURED.entries()) code.ldr(0, 20, 8 * i).msr(name as SystemRegisterName, 0);
  const fixed = CONFIGURED.length;
  code
    .ldr(19, 20, 8 * fixed)
    .ldr(22, 20, 8 * (fixed + 1))
    .addImmediate(20, 20, 8 * (fixed + 2));
  code.isb().tlbiAll().dsb().isb();
  code.label('address').ldr(1, 20).addImmediate(20, 20, 8);
  below.forEach((operation, i) => {
    code
      .emit('SYS', { ...AT_FIELDS[operation], crn: 7, rt: 1 })
      .isb()
      .mrs(2, 'PAR_EL1')
      .str(2, 21, 8 * i);
  });
  code.msr('SCTLR_EL2', 19).isb();
  own.forEach((operation, i) => {
    code
      .emit('SYS', { ...AT_FIELDS[operation], crn: 7, rt: 1 })
      .isb()
      .mrs(4 + i, 'PAR_EL1');
  });
  code.msr('SCTLR_EL2', 18).isb();
  for (const i of own.keys()) code.str(4 + i, 21, 8 * (below.length + i));
  code.addImmediate(21, 21, 8 * (below.length + own.length));
  code.emit('SUBS_imm', { sf: 1, rn: 22, rd: 22, imm12: 1 }).bCond(1, 'address').b('configure');
  code.label('off').mov(0, 0x8400_0008).emit('SMC').label('stop').b('stop');
  // Synchronous, from EL2 with SP_EL2.
  code
    .padTo(DRIVER + 0xa00)
    .mrs(9, 'ESR_EL2')
    .mov(10, EXCEPTION)
    .emit('ORR_shift', { sf: 1, rd: 9, rn: 9, rm: 10 });
  code.msr('PAR_EL1', 9).mrs(9, 'ELR_EL2').addImmediate(9, 9, 4).msr('ELR_EL2', 9).emit('ERET');
  return code.finish();
}

export interface AtBatch {
  readonly cpu: TranslationCpu;
  readonly configurations: readonly TranslationConfiguration[];
  readonly space: TableSpace;
}

/** As many configurations as were asked for, or as the tables leave room for. */
export function randomBatch(cpu: TranslationCpu, seed: number, count: number): AtBatch {
  const choices = new Choices(seed);
  const space = new TableSpace(TABLES, TABLES_SIZE);
  const configurations: TranslationConfiguration[] = [];
  while (configurations.length < count && space.left > 0x40_0000)
    configurations.push(randomTranslation(cpu, space, choices, DRIVER));
  return { cpu, configurations, space };
}

/** PAR_EL1 of each operation on each address of each configuration, in order. */
export async function parsOfQemu(
  cpu: TranslationCpu,
  { configurations, space }: AtBatch,
): Promise<BigUint64Array> {
  const data = configurations.flatMap(({ registers, addresses }) => [
    ...CONFIGURED.map((name) => registers[name]),
    registers.SCTLR_EL2,
    BigInt(addresses.length),
    ...addresses,
  ]);
  const total = configurations.reduce(
    (sum, { addresses }) => sum + addresses.length * orderOf(cpu).length,
    0,
  );
  const pieces = [
    { address: DRIVER, bytes: new Uint8Array(program(cpu).buffer) },
    { address: DATA, bytes: new Uint8Array(BigUint64Array.from([...data, 0n]).buffer) },
    { address: TABLES, bytes: space.bytes },
  ];
  const read = (ram: (address: number, length: number) => Uint8Array) =>
    new BigUint64Array(ram(RESULTS, 8 * total).buffer);
  const { result, ended } = await runInQemu({ pieces, entry: DRIVER }, read, {
    cpu: cpu.name === 'max' ? 'max,sve=off,sme=off' : cpu.name,
  });
  if (!ended) throw new Error('QEMU did not reach the end of the image within its deadline');
  return result;
}

/** The same from src/mmu. */
export function parsOfMmu(cpu: TranslationCpu, { configurations, space }: AtBatch): BigUint64Array {
  const memory = new GuestMemory([{ base: RAM.base, size: RAM.mebibytes * 2 ** 20 }], 2 ** 27);
  memory.writeBytes(TABLES, space.bytes);
  let registers = configurations[0].registers;
  const mmu = new Mmu({
    registers: { get: (name) => (registers as { [name: string]: bigint })[name] ?? 0n },
    memory,
    features: mmuFeatures(...cpu.mmfr, false),
    events: NO_EVENTS,
    writeDescriptor: (pa, low, high) => memory.u32.set([low, high], memory.offsetOf(pa) / 4),
    pc: () => 0n,
  });
  const pars: bigint[] = [];
  for (const configuration of configurations) {
    registers = configuration.registers;
    mmu.registersChanged();
    for (const va of configuration.addresses)
      for (const operation of orderOf(cpu)) pars.push(parOf(mmu, operation, va, cpu.updates));
  }
  return BigUint64Array.from(pars);
}

function parOf(mmu: Mmu, operation: AtOperation, va: bigint, pan: boolean): bigint {
  const { topByteIgnored } = mmu.regimeOfAt(operation);
  const address = canonicalAddress(Number(va & 0xffff_ffffn), Number(va >> 32n), topByteIgnored);
  const { par, exception } = mmu.addressTranslate(operation, address, 2, pan);
  if (par !== null) return par;
  // A data abort from the same level, IL, CM, WnR.
  const s1ptw = exception.fault.s1ptw ? 0x80 : 0;
  return EXCEPTION | (BigInt(0x9600_0140 | s1ptw | faultStatusCode(exception.fault)) & 0xffff_ffffn);
}

/**
 * Without what QEMU 7.2 gets wrong (docs/qemu-differences.md): shareability of Device and Non-cacheable memory; the kind of
 * Device where two stages are combined; the level of a stage 2 fault on a stage 1 walk, which it reports as that of stage 1.
 */
function comparable(par: bigint, operation: AtOperation): bigint {
  const exception = (par & 0x8000_0000_ff00_0000n) === 0x8000_0000_9600_0000n;
  if (exception) return par & 0x80n ? par & ~3n : par;
  if ((par & 1n) !== 0n) return par & 0x100n ? par & ~6n : par;
  const attribute = par >> 56n;
  const device = (attribute & 0xf0n) === 0n;
  const shareable = device || attribute === 0x44n ? (par & ~0x180n) | 0x100n : par;
  return device && operation.startsWith('S12') ? shareable & ~(0xfn << 56n) : shareable;
}

export interface AtDifference {
  readonly configuration: TranslationConfiguration;
  readonly operation: AtOperation;
  readonly va: bigint;
  readonly qemu: bigint;
  readonly mmu: bigint;
}

export function atDifferences(
  { cpu, configurations }: AtBatch,
  qemu: BigUint64Array,
  mmu: BigUint64Array,
): AtDifference[] {
  const found: AtDifference[] = [];
  let at = 0;
  for (const configuration of configurations)
    for (const va of configuration.addresses)
      for (const operation of orderOf(cpu)) {
        if (comparable(qemu[at], operation) !== comparable(mmu[at], operation))
          found.push({ configuration, operation, va, qemu: qemu[at], mmu: mmu[at] });
        at++;
      }
  return found;
}

export function describe({ configuration, operation, va, qemu, mmu }: AtDifference): string {
  const hex = (value: bigint) => `0x${value.toString(16)}`;
  const registers = Object.entries(configuration.registers).map(([name, value]) => `${name}=${hex(value)}`);
  return `AT ${operation}, ${hex(va)}: QEMU ${hex(qemu)}, machine ${hex(mmu)}\n  ${registers.join(' ')}`;
}
