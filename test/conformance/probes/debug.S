/*
 * Self-hosted debug, for the comparison with QEMU instruction by instruction: software step, breakpoints and watchpoints, taken
 * to EL1 from EL0 and EL1 (KDE) and to EL2 (MDCR_EL2.TDE). Every handler reads its syndrome into x24 to x27, which the
 * comparison sees, and the time into x23; x20 counts them.
 *
 * What QEMU 7.2 does otherwise than the Arm ARM (docs/qemu-differences.md) is not done here.
 */
#define SPSR_D 0x200

/* A handler of EL\el. Debug exceptions: x19 says what is done. 0: PSTATE.SS of the return becomes 1, and the step that x21 counts
   goes on or ends; 1: breakpoints off; 2: watchpoints off. SVC, HVC: back. Other exceptions: over the instruction. */
.macro handler el
  mrs x24, esr_el\el
  mrs x25, far_el\el
  mrs x26, elr_el\el
  mrs x27, spsr_el\el
  lsr x28, x24, #26
  cmp x28, #0x15
  b.eq 9f
  cmp x28, #0x16
  b.eq 9f
  add x20, x20, #1
  mrs x23, cntpct_el0
  cmp x28, #0x32
  b.eq 2f
  cmp x28, #0x33
  b.eq 2f
  cmp x28, #0x30
  b.eq 3f
  cmp x28, #0x31
  b.eq 3f
  cmp x28, #0x34
  b.eq 4f
  cmp x28, #0x35
  b.eq 4f
  add x28, x26, #4
  msr elr_el\el, x28
9:eret
2:subs x21, x21, #1
  b.eq 5f
  orr x27, x27, #(1 << 21)
  msr spsr_el\el, x27
  eret
5:mrs x28, mdscr_el1
  bic x28, x28, #1
  msr mdscr_el1, x28
  eret
3:msr dbgbcr0_el1, xzr
  msr dbgbcr1_el1, xzr
  msr dbgbcr2_el1, xzr
  isb
  eret
4:msr dbgwcr0_el1, xzr
  msr dbgwcr1_el1, xzr
  isb
  eret
.endm

/* Continues at \to, at EL\el with SP_ELx, D \d; \ss is SPSR.SS. From EL2 or EL1 (\from). */
.macro enter from, el, to, ss=0, d=0
  .if \el == 0
  mov x28, #(0x1c0 | (\d << 9))
  .else
  mov x28, #(0x1c1 | (\el << 2) | (\d << 9))
  .endif
  .if \ss
  orr x28, x28, #(1 << 21)
  .endif
  msr spsr_el\from, x28
  adr x28, \to
  msr elr_el\from, x28
  eret
.endm

/* Back to EL2 by HVC #1 from EL1; EL0 goes by way of SVC #1, whose handler is the first HVC. */
.macro to_el2
  hvc #1
.endm

.global _start
_start:
  adr x0, vectors_el2
  msr vbar_el2, x0
  adr x0, vectors_el1
  msr vbar_el1, x0
  ldr x0, =0x80000000
  msr hcr_el2, x0
  msr oslar_el1, xzr
  mov x0, #3
  msr cnthctl_el2, x0
  adr x9, stack
  mov sp, x9
  msr sp_el1, x9
  msr sp_el0, x9
  ldr x0, =0x30d00800
  msr sctlr_el1, x0
  mov x20, #0
  isb

  /* Software step of EL1, taken to EL1: KDE, D clear. */
  mov x0, #((1 << 13) | 1)
  msr mdscr_el1, x0
  mov x21, #12
  isb
  enter 2, 1, step_same, ss=1
.balign 4
step_same:
  mov x0, #1
  add x0, x0, #1
  cbz x0, step_same
  cbnz x0, 1f
  nop
1:adr x1, data
  ldxr x2, [x1]
  stxr w3, x2, [x1]
  ldar x2, [x1]
  ldaxp x2, x3, [x1]
  svc #2
  wfe
  mrs x4, esr_el1
  msr daifset, #2
  isb
  nop
  to_el2

  /* The same with D set: no step. */
  mov x0, #((1 << 13) | 1)
  msr mdscr_el1, x0
  mov x21, #3
  isb
  enter 2, 1, step_masked, ss=1, d=1
step_masked:
  mov x0, #1
  mov x0, #2
  to_el2

  /* SPSR.SS 0: a step is pending at once. */
  mov x0, #((1 << 13) | 1)
  msr mdscr_el1, x0
  mov x21, #3
  isb
  enter 2, 1, step_pending, ss=0
step_pending:
  mov x0, #1
  mov x0, #2
  mov x0, #3
  to_el2

  /* EL0 stepped by EL1, over an SVC, a faulting load, an UNDEFINED instruction and a BRK. */
  mov x0, #1
  msr mdscr_el1, x0
  mov x21, #9
  isb
  enter 2, 0, step_user, ss=1
step_user:
  mov x0, #1
  svc #2
  mov x0, #2
  ldr x1, =0xc0000000
  ldr x2, [x1]
  mov x0, #3
  mrs x0, sctlr_el1
  mov x0, #4
  brk #5
  mov x0, #6
  nop
  nop
  svc #0xff
  hvc #1

  /* TDE: EL1 and EL0 stepped by EL2, over exceptions to EL1, HVC and the ERET of EL1. */
  mov x0, #(1 << 8) + 6
  msr mdcr_el2, x0
  mov x0, #1
  msr mdscr_el1, x0
  mov x21, #60
  isb
  enter 2, 1, step_guest, ss=1
step_guest:
  mov x0, #1
  svc #2
  mov x0, #2
  adr x1, step_guest_user
  msr elr_el1, x1
  mov x1, #0x3c0
  msr spsr_el1, x1
  eret
step_guest_user:
  mov x0, #3
  svc #2
  mov x0, #4
  nop
  smc #0
  svc #0xff
  hvc #1
  mov x0, #16
1:subs x0, x0, #1
  b.ne 1b

  /* Breakpoints at EL1, taken to EL1: address; then linked to a context; then one that does not match. */
  mov x0, #6
  msr mdcr_el2, x0
  mov x0, #((1 << 13) | (1 << 15))
  msr mdscr_el1, x0
  adr x0, break_here
  msr dbgbvr0_el1, x0
  ldr x0, =0x1e7           // E, PMC EL1 and EL0, BAS
  msr dbgbcr0_el1, x0
  isb
  enter 2, 1, 1f
1:mov x0, #1
  b break_here
  nop
break_here:
  mov x0, #2
  mov x0, #3
  to_el2

  mov x0, #0x77
  msr contextidr_el1, x0
  msr dbgbvr5_el1, x0
  ldr x0, =0x3001e7        // linked context ID
  msr dbgbcr5_el1, x0
  adr x0, break_linked
  msr dbgbvr1_el1, x0
  ldr x0, =0x1501e7        // linked address, LBN 5
  msr dbgbcr1_el1, x0
  isb
  enter 2, 1, 1f
1:mov x0, #1
break_linked:
  mov x0, #2
  mov x0, #3
  to_el2

  mov x0, #0x78
  msr contextidr_el1, x0
  adr x0, break_not_linked
  msr dbgbvr1_el1, x0
  ldr x0, =0x1501e7
  msr dbgbcr1_el1, x0
  isb
  enter 2, 1, break_not_linked
break_not_linked:
  mov x0, #2
  mov x0, #3
  to_el2
  msr dbgbcr1_el1, xzr

  /* Only EL0. */
  adr x0, break_user
  msr dbgbvr2_el1, x0
  ldr x0, =0x1e5
  msr dbgbcr2_el1, x0
  isb
  enter 2, 1, break_user
break_user:
  mov x0, #2
  mrs x0, currentel
  cbz x0, 1f
  enter 1, 0, break_user
1:svc #0xff
  hvc #1

  /* To EL2, and EL2's own. */
  mov x0, #(1 << 8) + 6
  msr mdcr_el2, x0
  adr x0, break_guest
  msr dbgbvr0_el1, x0
  ldr x0, =0x1e7
  msr dbgbcr0_el1, x0
  isb
  enter 2, 1, 1f
1:nop
break_guest:
  nop
  to_el2
  adr x0, break_hypervisor
  msr dbgbvr0_el1, x0
  ldr x0, =0x21e1          // HMC
  msr dbgbcr0_el1, x0
  isb
  msr daifclr, #8
  nop
break_hypervisor:
  mov x0, #7
  msr daifset, #8
  brk #1

  /* Watchpoints. */
  mov x0, #6
  msr mdcr_el2, x0
  mov x0, #((1 << 13) | (1 << 15))
  msr mdscr_el1, x0
.macro watch control, address
  adr x0, \address
  msr dbgwvr0_el1, x0
  ldr x0, =\control
  msr dbgwcr0_el1, x0
  isb
.endm
  watch 0x1ffb + 4, data        // load and store, 8 bytes, EL0 and EL1
  enter 2, 1, 1f
1:adr x1, data
  ldr x2, [x1, #8]
  ldr x2, [x1]
  ldr x2, [x1, #16]
  to_el2
  watch 0x1ff7, data            // stores
  enter 2, 1, 1f
1:ldr x2, [x1]
  strb w2, [x1, #5]
  str x2, [x1]
  to_el2
  watch 0x1fef, data            // loads
  enter 2, 1, 1f
1:str x2, [x1]
  ldp x2, x3, [x1, #-8]
  ldp x2, x3, [x1, #-16]
  to_el2
  watch 0x0187f, data           // bytes 2 and 3 (BAS 0x0c), load and store
  enter 2, 1, 1f
1:ldrb w2, [x1, #1]
  ldrh w2, [x1]
  ldrb w2, [x1, #4]
  ldr w2, [x1]
  ldr w2, [x1]
  to_el2
  watch 0x0187f, data
  enter 2, 1, 1f
1:strb w2, [x1, #3]
  strb w2, [x1, #3]
  to_el2
  watch 0x6001fff, data         // MASK 6: 64 bytes
  enter 2, 1, 1f
1:adr x1, data
  sub x1, x1, #8
  ldr x2, [x1]
  ldr x2, [x1, #72]
  ldr x2, [x1, #64]
  add x1, x1, #8
  to_el2
  watch 0x1ffd, data            // EL0 only, LDTR counts
  enter 2, 1, 1f
1:ldr x2, [x1]
  ldtr x2, [x1]
  ldtr x2, [x1]
  to_el2
  watch 0x1fff, data
  enter 2, 0, 1f
1:ldr x2, [x1]
  ldr x2, [x1]
  stp x2, x3, [x1]
  svc #0xff
  hvc #1
  watch 0x1fff, data
  enter 2, 1, 1f
1:ldxr x2, [x1]
  ldxr x2, [x1]
  stxr w3, x2, [x1]
  to_el2
  watch 0x1ff7, data
  enter 2, 1, 1f
1:ldxr x2, [x1]
  stxr w3, x2, [x1]
  ldxr x2, [x1]
  stxr w3, x2, [x1]
  to_el2
  /* Linked to a context, matching and not. */
  mov x0, #0x77
  msr contextidr_el1, x0
  watch 0x151fff, data
  enter 2, 1, 1f
1:ldr x2, [x1]
  ldr x2, [x1]
  to_el2
  mov x0, #0x78
  msr contextidr_el1, x0
  watch 0x151fff, data
  enter 2, 1, 1f
1:ldr x2, [x1]
  to_el2
  /* EL2 at EL2, by TDE, and a guest's. */
  mov x0, #(1 << 8) + 6
  msr mdcr_el2, x0
  watch 0x3ff9 + 0, data        // HMC, PAC 0: EL2
  msr daifclr, #8
  ldr x2, [x1]
  ldr x2, [x1]
  str x2, [x1]
  msr daifset, #8
  watch 0x1fff, data
  enter 2, 1, 1f
1:str x2, [x1]
  str x2, [x1]
  to_el2

  /* Step and watchpoint: the access is not done, and the step not either. */
  mov x0, #((1 << 13) | (1 << 15) | 1)
  msr mdscr_el1, x0
  mov x21, #5
  watch 0x1fff, data
  enter 2, 1, 1f, ss=1
1:nop
  str x2, [x1]
  nop
  nop
  nop
  to_el2

  /* Single steps while a timer interrupt is pending, masked. BRK from every level. */
  msr mdscr_el1, xzr
  mov x0, #6
  msr mdcr_el2, x0
  brk #1
  enter 2, 1, 1f
1:brk #2
  enter 1, 0, 1f
1:brk #3
  svc #0xff
  to_el2
  mov x0, #(1 << 8) + 6
  msr mdcr_el2, x0
  enter 2, 1, 1f
1:brk #2
  enter 1, 0, 1f
1:brk #3
  svc #0xff
  to_el2
  movz x0, #0x8400, lsl #16
  movk x0, #8
  smc #0
  b .
.ltorg

.balign 0x800
vectors_el2:
.rept 16
.balign 0x80
  b el2_handler
.endr
.balign 0x800
vectors_el1:
.rept 16
.balign 0x80
  b el1_handler
.endr
el2_handler:
  mrs x24, esr_el2
  ldr x28, =0x5a000001
  cmp x24, x28
  b.ne 1f
  /* HVC #1: EL2 goes on behind it. */
  mrs x26, elr_el2
  mrs x27, spsr_el2
  mov x28, #0x3c9
  msr spsr_el2, x28
  eret
1:handler 2
el1_handler:
  /* SVC #0xff: EL1 goes on behind it. */
  mrs x24, esr_el1
  ldr x28, =0x560000ff
  cmp x24, x28
  b.ne 1f
  mov x28, #0x3c5
  msr spsr_el1, x28
  eret
1:handler 1
.ltorg

.balign 4096
  .quad 0x1111, 0x2222
.balign 64
data: .quad 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
.balign 4096
  .skip 4096
stack:
