/**
 * Exception classes, ESR_ELx.EC: number, the name that `perf kvm stat` prints for arm64 (Linux, asm/kvm_arm.h,
 * kvm_arm_exception_class), and words. Arm ARM D17.2.37.
 */
const CLASSES = {
  unknown: [0x00, 'UNKNOWN', 'undefined instruction'],
  wfx: [0x01, 'WFx', 'trapped WFI or WFE'],
  cp15: [0x03, 'CP15_32', 'trapped AArch32 MCR or MRC'],
  cp15Pair: [0x04, 'CP15_64', 'trapped AArch32 MCRR or MRRC'],
  cp14: [0x05, 'CP14_MR', 'trapped AArch32 MCR or MRC'],
  cp14LoadStore: [0x06, 'CP14_LS', 'trapped AArch32 LDC or STC'],
  floatingPoint: [0x07, 'FP_ASIMD', 'trapped floating point or SIMD instruction'],
  cp10: [0x08, 'CP10_ID', 'trapped AArch32 VMRS'],
  pointerAuthentication: [0x09, 'PAC', 'trapped pointer authentication'],
  cp14Pair: [0x0c, 'CP14_64', 'trapped AArch32 MRRC'],
  branchTarget: [0x0d, 'BTI', 'branch target exception'],
  illegalState: [0x0e, 'ILL', 'illegal execution state'],
  svc32: [0x11, 'SVC32', 'SVC'],
  hvc32: [0x12, 'HVC32', 'HVC'],
  smc32: [0x13, 'SMC32', 'SMC'],
  svc: [0x15, 'SVC64', 'SVC'],
  hvc: [0x16, 'HVC64', 'HVC'],
  smc: [0x17, 'SMC64', 'SMC'],
  systemRegister: [0x18, 'SYS64', 'trapped system register access'],
  sve: [0x19, 'SVE', 'trapped SVE instruction'],
  exceptionReturn: [0x1a, 'ERET', 'trapped ERET'],
  pointerAuthenticationFailure: [0x1c, 'FPAC', 'pointer authentication failure'],
  implementationDefined: [0x1f, 'IMP_DEF', 'implementation defined exception'],
  instructionAbortLower: [0x20, 'IABT_LOW', 'instruction abort'],
  instructionAbort: [0x21, 'IABT_CUR', 'instruction abort'],
  pcAlignment: [0x22, 'PC_ALIGN', 'PC alignment fault'],
  dataAbortLower: [0x24, 'DABT_LOW', 'data abort'],
  dataAbort: [0x25, 'DABT_CUR', 'data abort'],
  spAlignment: [0x26, 'SP_ALIGN', 'SP alignment fault'],
  floatingPoint32: [0x28, 'FP_EXC32', 'floating point exception'],
  floatingPoint64: [0x2c, 'FP_EXC64', 'floating point exception'],
  serror: [0x2f, 'SERROR', 'SError'],
  breakpointLower: [0x30, 'BREAKPT_LOW', 'breakpoint'],
  breakpoint: [0x31, 'BREAKPT_CUR', 'breakpoint'],
  softwareStepLower: [0x32, 'SOFTSTP_LOW', 'software step'],
  softwareStep: [0x33, 'SOFTSTP_CUR', 'software step'],
  watchpointLower: [0x34, 'WATCHPT_LOW', 'watchpoint'],
  watchpoint: [0x35, 'WATCHPT_CUR', 'watchpoint'],
  breakpointInstruction32: [0x38, 'BKPT32', 'BKPT instruction'],
  vectorCatch: [0x3a, 'VECTOR32', 'vector catch'],
  breakpointInstruction: [0x3c, 'BRK64', 'BRK instruction'],
} as const satisfies { readonly [name: string]: readonly [ec: number, perf: string, words: string] };

/** The number of each class. */
export const EC = Object.fromEntries(Object.entries(CLASSES).map(([name, [ec]]) => [name, ec])) as {
  readonly [name in keyof typeof CLASSES]: (typeof CLASSES)[name][0];
};

const BY_NUMBER = new Map<number, readonly [number, string, string]>(
  Object.values(CLASSES).map((described) => [described[0], described]),
);

/** As `perf kvm stat` prints it: 'DABT_LOW'; 'EC_2a' where the architecture has none. */
export const perfName = (ec: number) => BY_NUMBER.get(ec)?.[1] ?? `EC_${ec.toString(16).padStart(2, '0')}`;

/** In words: 'data abort'. */
export const className = (ec: number) => BY_NUMBER.get(ec)?.[2] ?? `exception class 0x${ec.toString(16)}`;
