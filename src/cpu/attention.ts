/** Why the main loop must look again after an instruction. */
export type Attention =
  /** The exception level or a register that controls translation changed: other permissions, other regime. */
  | 'translation'
  /** An exception or a return: another level, perhaps, and other masks. Its instruction ends what executes anyway: see Continuation. */
  | 'level'
  /** PSTATE.PAN or UAO changed: other permissions in the same regime. */
  | 'context'
  /** PSTATE.SP changed: SP_EL0 is accessible, or is not. */
  | 'stack'
  /** A trap of SIMD and floating-point instructions changed. */
  | 'vectors'
  /** What raises debug exceptions changed: other pages must be looked at. */
  | 'debug'
  /** Interrupt masks, routing or virtual interrupt bits changed: ask pendingInterrupt() before the next instruction. */
  | 'interrupts'
  /** The CPU waits: cell `waiting` is 1 (WFI) or 3 (powered off by PSCI). */
  | 'wait'
  /** WFE and YIELD: another CPU may have the turn. WFE ends by itself, as the architecture allows and QEMU does. */
  | 'yield'
  /** PSTATE.IL is 1: the next instruction raises Illegal Execution state. */
  | 'illegal state'
  /** The guest ended the machine, or another CPU was switched on: see PowerControl. */
  | 'power';

export type OnAttention = (reason: Attention) => void;
