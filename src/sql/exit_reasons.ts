import { EC, perfName } from '../cpu/exception_classes.ts';
import { XEN_HYPERCALL } from '../cpu/exceptions.ts';

const KINDS: { readonly [kind: string]: string } = { irq: 'IRQ', fiq: 'FIQ', serror: 'SERROR' };

/** What an exit is called, as by `perf kvm stat`. */
export function exitReason(kind: string, ec: number): string {
  return KINDS[kind] ?? perfName(ec);
}

/** Functions of the SMC calling convention that everybody knows: PSCI (DEN0022), and the version calls of DEN0028. */
const SMCCC: ReadonlyMap<number, string> = new Map([
  [0x8000_0000, 'SMCCC_VERSION'],
  [0x8000_0001, 'SMCCC_ARCH_FEATURES'],
  [0x8000_8000, 'SMCCC_ARCH_WORKAROUND_1'],
  [0x8000_7fff, 'SMCCC_ARCH_WORKAROUND_2'],
  [0x8000_3fff, 'SMCCC_ARCH_WORKAROUND_3'],
  [0x8400_0000, 'PSCI_VERSION'],
  [0x8400_0001, 'PSCI_CPU_SUSPEND'],
  [0xc400_0001, 'PSCI_CPU_SUSPEND'],
  [0x8400_0002, 'PSCI_CPU_OFF'],
  [0x8400_0003, 'PSCI_CPU_ON'],
  [0xc400_0003, 'PSCI_CPU_ON'],
  [0x8400_0004, 'PSCI_AFFINITY_INFO'],
  [0xc400_0004, 'PSCI_AFFINITY_INFO'],
  [0x8400_0006, 'PSCI_MIGRATE_INFO_TYPE'],
  [0x8400_0008, 'PSCI_SYSTEM_OFF'],
  [0x8400_0009, 'PSCI_SYSTEM_RESET'],
  [0x8400_000a, 'PSCI_FEATURES'],
  [0xc400_0012, 'PSCI_SYSTEM_RESET2'],
]);

/** Xen's hypercalls on Arm, by their numbers (Xen's public/xen.h). */
const XEN_HYPERCALLS: readonly (readonly [number, string])[] = [
  [7, 'platform_op'],
  [12, 'memory_op'],
  [13, 'multicall'],
  [17, 'xen_version'],
  [18, 'console_io'],
  [20, 'grant_table_op'],
  [21, 'vm_assist'],
  [24, 'vcpu_op'],
  [27, 'xsm_op'],
  [29, 'sched_op'],
  [32, 'event_channel_op'],
  [33, 'physdev_op'],
  [34, 'hvm_op'],
  [35, 'sysctl'],
  [36, 'domctl'],
  [39, 'argo_op'],
  [41, 'dm_op'],
  [42, 'hypfs_op'],
];
const XEN_NAMES: ReadonlyMap<number, string> = new Map(XEN_HYPERCALLS);
export const XEN_CONSOLE_IO = 18n;

/** An HVC by which a guest calls Xen. */
export const isXenHypercall = (ec: number, iss: number) => ec === EC.hvc && (iss & 0xffff) === XEN_HYPERCALL;

/** The function that an HVC or SMC asks for: `call` is that of table exceptions. */
export function calledFunction(ec: number, iss: number, call: bigint): string {
  if (!isXenHypercall(ec, iss)) return smcccFunction(call);
  return XEN_NAMES.get(Number(call)) ?? `Xen hypercall ${call}`;
}

/** Bits 31 to 0 of X0 are a function's identifier. */
function smcccFunction(x0: bigint): string {
  const id = Number(x0 & 0xffff_ffffn);
  return SMCCC.get(id) ?? `0x${id.toString(16)}`;
}

/** The system register of a trapped MRS, MSR or SYS, from the ISS, in the assembler's generic form: S3_0_C12_C11_5. */
export function encodedRegister(iss: number): string {
  const op0 = (iss >>> 20) & 3;
  const op2 = (iss >>> 17) & 7;
  const op1 = (iss >>> 14) & 7;
  const crn = (iss >>> 10) & 15;
  const crm = (iss >>> 1) & 15;
  return `S${op0}_${op1}_C${crn}_C${crm}_${op2}`;
}

/** WFI, WFE, WFIT, WFET: ISS[1:0]. */
export const waitInstruction = (iss: number) => ['WFI', 'WFE', 'WFIT', 'WFET'][iss & 3];
