/*
 * At which instruction an interrupt is taken, with a GICv3 and a 1 GHz counter.
 *
 *   taken NAME, late=L, place=P, at=LABEL
 *
 * The handler leaves in x22 the return address and in x23 the time at which it was entered, minus the deadline in x19.
 * L is that lateness in ns; P is the distance in instructions of the return address from LABEL. `late=none`: no deadline.
 */
#include "probe.h"
.set taken_number, 0
.macro taken name:req, late:req, place:req, at:req
  adr x21, \at
  sub x21, x22, x21
  asr x21, x21, #2
  movz x27, #taken_number
  .set taken_number, taken_number + 1
  mov x22, xzr
.endm
.macro arm_in ticks
  mrs x25, cntpct_el0
  add x19, x25, #\ticks
  msr cnthp_cval_el2, x19
  msr cnthp_ctl_el2, x20
.endm
.macro unmasked_to_el1
  mov x28, #0x345
  msr spsr_el2, x28
  adr x28, 4f
  msr elr_el2, x28
  eret
4:
.endm
/* The deadline passes while interrupts are masked. */
.macro make_pending
  msr daifset, #2
  arm_in 5
  .rept 8
  nop
  .endr
.endm

.global _start
_start:
  adr x0, vectors
  msr vbar_el2, x0
  ldr x0, =0x80000010
  msr hcr_el2, x0
  mov x0, #0xf
  msr s3_4_c12_c9_5, x0      // ICC_SRE_EL2
  isb
  ldr x0, =0x08000000        // GICD_CTLR: ARE, group 1
  mov w1, #0x12
  str w1, [x0]
  ldr x0, =0x080a0014        // GICR_WAKER
  str wzr, [x0]
  ldr x0, =0x080b0000
  mov w1, #-1
  str w1, [x0, #0x80]        // all group 1
  ldr w1, =0x4c000006        // CNTHP 26, CNTV 27, CNTP 30, SGIs 1 and 2
  str w1, [x0, #0x100]
  mov x1, #0xf0
  msr s3_0_c4_c6_0, x1       // ICC_PMR_EL1
  mov x1, #1
  msr s3_0_c12_c12_7, x1     // ICC_IGRPEN1_EL1
  mov x20, #1
  isb
  msr daifclr, #2

  arm_in 10                  // the MSR of CTL is 3 after the MRS
  nop
a1: .rept 20
  nop
  .endr
  taken hyp_timer_in_sled, late=0, place=6, at=a1

  /* CVAL = the count at the MSR, which counts itself: taken right behind it. */
  mov x0, #-1
  msr cnthp_cval_el2, x0
  msr cnthp_ctl_el2, x20
  mrs x25, cntpct_el0
  add x19, x25, #2
  msr cnthp_cval_el2, x19
a2: nop
  nop
  nop
  taken deadline_is_now, late=0, place=0, at=a2
  mov x0, #-1
  msr cnthp_cval_el2, x0
  msr cnthp_ctl_el2, x20
  mrs x25, cntpct_el0
  add x19, x25, #3
  msr cnthp_cval_el2, x19
a3: nop
  nop
  nop
  taken deadline_in_one, late=0, place=1, at=a3
  mov x0, #-1
  msr cnthp_cval_el2, x0
  msr cnthp_ctl_el2, x20
  mrs x25, cntpct_el0
  add x19, x25, #1
  msr cnthp_cval_el2, x19
a4: nop
  nop
  taken deadline_was_before, late=1, place=0, at=a4
  mov x0, #-1
  msr cnthp_cval_el2, x0
  msr cnthp_ctl_el2, x20
  mrs x25, cntpct_el0
  add x19, x25, #7
  mov x0, #4
  msr cnthp_tval_el2, x0     // from the count at this MSR, which is 3 after the MRS and includes itself
a5: .rept 9
  nop
  .endr
  taken tval, late=0, place=4, at=a5

  make_pending
  msr daifclr, #2
a6: nop
  nop
  taken after_daifclr, late=none, place=0, at=a6
  make_pending
  msr daif, xzr
a7: nop
  nop
  taken after_msr_daif, late=none, place=0, at=a7
  make_pending
  adr x0, a8
  msr elr_el2, x0
  mov x0, #0x349
  msr spsr_el2, x0
  eret
  nop
a8: nop
  nop
  taken after_eret, late=none, place=0, at=a8

  /* The controller makes it pending while unmasked. */
  msr daifclr, #2
  ldr x0, =0x080b0200        // GICR_ISPENDR0
  mov w1, #2
  str w1, [x0]
b1: nop
  nop
  taken after_mmio_ispendr, late=none, place=0, at=b1
  ldr x1, =0x01000001        // SGI 1 by affinity 0.0.0.0
  msr s3_0_c12_c11_5, x1     // ICC_SGI1R_EL1
b2: nop
  nop
  taken after_icc_sgi1r, late=none, place=0, at=b2
  msr s3_0_c4_c6_0, xzr
  ldr x1, =0x01000001
  msr s3_0_c12_c11_5, x1
  nop
  mov x1, #0xf0
  msr s3_0_c4_c6_0, x1
b3: nop
  nop
  taken after_icc_pmr, late=none, place=0, at=b3
  msr s3_0_c12_c12_7, xzr
  ldr x1, =0x01000001
  msr s3_0_c12_c11_5, x1
  nop
  mov x1, #1
  msr s3_0_c12_c12_7, x1
b4: nop
  nop
  taken after_icc_igrpen1, late=none, place=0, at=b4
  ldr x0, =0x080b0000
  mov w1, #2
  str w1, [x0, #0x180]       // disabled
  ldr x1, =0x01000001
  msr s3_0_c12_c11_5, x1
  mov w1, #2
  str w1, [x0, #0x100]
b5: nop
  nop
  taken after_mmio_isenabler, late=none, place=0, at=b5
  /* IMO off: at EL2 a physical interrupt for EL1 is not taken. Then on. */
  mrs x2, hcr_el2
  bic x3, x2, #0x10
  msr hcr_el2, x3
  ldr x1, =0x01000001
  msr s3_0_c12_c11_5, x1
  nop
  msr hcr_el2, x2
b6: nop
  nop
  taken after_hcr_imo, late=none, place=0, at=b6
  /* Two pending at once: the second is taken at the return address of the first's ERET, with nothing between. */
  msr daifset, #2
  ldr x1, =0x01000001
  msr s3_0_c12_c11_5, x1
  ldr x1, =0x02000001
  msr s3_0_c12_c11_5, x1
  msr daifclr, #2
b7: nop
  nop
  taken two_pending, late=none, place=0, at=b7

  /* WFI */
  arm_in 1000
  wfi
c1: nop
  taken wfi_unmasked, late=0, place=0, at=c1
  msr daifset, #2
  arm_in 1000
  wfi
  mrs x26, cntpct_el0
  sub x23, x26, x19
  adr x22, c2
c2: msr cnthp_ctl_el2, xzr
  taken wfi_masked_time_behind_it, late=1, place=0, at=c2
  make_pending
  mrs x25, cntpct_el0
  wfi
  mrs x26, cntpct_el0
  sub x23, x26, x25          // 2: the WFI and the MRS, no wait
  adr x22, c3
c3: msr cnthp_ctl_el2, xzr
  taken wfi_with_pending_masked, late=2, place=0, at=c3
  arm_in 1000
  mrs x25, cntpct_el0
  wfe
  mrs x26, cntpct_el0
  sub x23, x26, x25          // WFE never waits
  adr x22, c4
c4: msr cnthp_ctl_el2, xzr
  taken wfe_does_not_wait, late=2, place=0, at=c4
  msr daifclr, #2

  /* A data abort on the way: LDR is not counted, the 18 instructions of its handler are. */
  ldr x0, =0xc0000000
  arm_in 60
  ldr x1, [x0]
d1: .rept 50
  nop
  .endr
  taken deadline_past_an_abort, late=0, place=39, at=d1
  /* From EL1 to EL2, whatever PSTATE.I is. */
  arm_in 20
  drop_to 1
d2: .rept 30
  nop
  .endr
  taken from_el1_masked, late=0, place=12, at=d2

  /* Virtual interrupts: HCR_EL2.VI, seen by ERET to EL1 and by DAIFClr there. */
  hvc #0
  adr x0, vectors_el1
  msr vbar_el1, x0
  ldr x0, =0x80000090
  msr hcr_el2, x0
  unmasked_to_el1
e1: nop
  nop
  taken vi_after_eret, late=none, place=0, at=e1
  msr daifclr, #2
e2: nop
  taken vi_after_daifclr, late=none, place=0, at=e2
  hvc #0
  ldr x0, =0x80000010
  msr hcr_el2, x0
  mov x0, #1
  msr s3_4_c12_c11_0, x0     // ICH_HCR_EL2.En
  mov x0, #2
  msr s3_4_c12_c11_7, x0     // ICH_VMCR_EL2: VENG1, VPMR 0
  ldr x0, =0x508000000000001b
  msr s3_4_c12_c12_0, x0     // ICH_LR0_EL2: pending, group 1, priority 0x80, 27
  unmasked_to_el1
  nop
  mov x0, #0xf0
  msr s3_0_c4_c6_0, x0       // ICV_PMR_EL1
e3: nop
  nop
  taken list_register_after_icv_pmr, late=none, place=0, at=e3
  nop
finish:
  b finish
  .ltorg

.balign 0x800
vectors:
  .zero 0x200
  skip_handler 2
.balign 0x80
  mrs x26, cntpct_el0
  b irq
.balign 0x80
  .zero 0x100
  mov x28, #0x3c9            // synchronous from EL1: go on at EL2
  msr spsr_el2, x28
  eret
.balign 0x80
  mrs x26, cntpct_el0
  b irq
.balign 0x800
vectors_el1:
  .zero 0x280
  mrs x22, elr_el1
  mrs x28, spsr_el1
  orr x28, x28, #0x80        // returns masked
  msr spsr_el1, x28
  eret
.balign 0x80
irq:
  mrs x22, elr_el2
  sub x23, x26, x19
  sub x23, x23, #1
  mrs x24, s3_0_c12_c12_0    // ICC_IAR1_EL1
  msr cnthp_ctl_el2, xzr
  msr s3_0_c12_c12_1, x24    // ICC_EOIR1_EL1
  eret
