/*
 * The performance monitors, for the comparison with QEMU instruction by instruction: counts of cycles and instructions at EL2, EL1
 * and EL0, filters, the divider, overflow, software increments, and overflow interrupts, whose boundary the comparison sees.
 *
 * What QEMU 7.2 does otherwise than the Arm ARM (docs/qemu-differences.md) is not done here.
 */
.macro read_all
  mrs x0, pmccntr_el0
  mrs x1, pmevcntr0_el0
  mrs x2, pmevcntr1_el0
  mrs x3, pmevcntr2_el0
  mrs x4, pmovsset_el0
.endm
.macro set register, value
  ldr x9, =\value
  msr \register, x9
.endm
.macro to_el1
  mov x28, #0x3c5
  msr spsr_el2, x28
  adr x28, 3f
  msr elr_el2, x28
  eret
3:
.endm
.macro to_el0
  mov x28, #0x3c0
  msr spsr_el1, x28
  adr x28, 3f
  msr elr_el1, x28
  eret
3:
.endm

.global _start
_start:
  adr x0, vectors
  msr vbar_el2, x0
  adr x0, vectors_el1
  msr vbar_el1, x0
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
  ldr w1, =0x04800000        // PMU 23, CNTHP 26
  str w1, [x0, #0x100]
  mov x1, #0xf0
  msr s3_0_c4_c6_0, x1       // ICC_PMR
  mov x1, #1
  msr s3_0_c12_c12_7, x1     // ICC_IGRPEN1
  isb

  /* Identification. */
  mrs x0, pmcr_el0
  mrs x1, pmceid0_el0
  mrs x2, pmceid1_el0
  mrs x3, mdcr_el2
  mrs x4, id_aa64dfr0_el1

  /* Event 0: cycles, everywhere; 1: instructions, everywhere; 2: software increments. The cycle counter, everywhere. */
  set pmccfiltr_el0, 0x08000000
  set pmevtyper0_el0, 0x08000011
  set pmevtyper1_el0, 0x08000008
  set pmevtyper2_el0, 0x08000000
  set pmcntenset_el0, 0x80000007
  read_all
  set pmcr_el0, 1
  read_all
  nop
  nop
  read_all
  set pmswinc_el0, 5
  set pmswinc_el0, 4
  set pmswinc_el0, 3
  read_all
  mrs x5, s3_3_c9_c12_4      // PMSWINC_EL0 cannot be read
  set pmcr_el0, 7
  read_all
  set pmcr_el0, 0
  nop
  read_all
  nop
  read_all
  set pmcr_el0, 0x41
  read_all

  /* A data abort, an SVC and WFI: which count. */
  ldr x6, =0xc0000000
  ldp x7, x8, [x6]           // no syndrome of the transfer, which QEMU gives at EL2 too
  read_all
  svc #1
  read_all
  .word 0
  read_all
  mrs x6, cntpct_el0
  add x6, x6, #10
  msr cnthp_cval_el2, x6
  mov x6, #1
  msr cnthp_ctl_el2, x6
  msr daifset, #2
  wfi
  read_all
  msr cnthp_ctl_el2, xzr

  /* Filters: not at EL2; not at EL1; not at EL0. */
.macro visit
  to_el1
  nop
  to_el0
  nop
  nop
  svc #2
  nop
  nop
  nop
  hvc #1
  read_all
.endm
  set pmcr_el0, 7
  visit
  set pmccfiltr_el0, 0
  set pmevtyper0_el0, 0x11
  set pmevtyper1_el0, 0x08
  set pmcr_el0, 7
  visit
  set pmccfiltr_el0, 0x80000000
  set pmevtyper0_el0, 0x40000011
  set pmevtyper1_el0, 0xc8000008
  set pmcr_el0, 7
  visit
  set pmccfiltr_el0, 0xc8000000
  set pmevtyper0_el0, 0x88000011
  set pmevtyper1_el0, 0x48000008
  set pmcr_el0, 7
  visit

  /* The divider, and the long counter that has none. */
  set pmccfiltr_el0, 0x08000000
  set pmevtyper0_el0, 0x08000011
  set pmevtyper1_el0, 0x08000008
  set pmcr_el0, 0xf
  mov x6, #100
1:subs x6, x6, #1
  b.ne 1b
  read_all
  set pmcr_el0, 0x4f
  mov x6, #100
1:subs x6, x6, #1
  b.ne 1b
  read_all

  /* By way of PMSELR. */
  set pmselr_el0, 1
  mrs x0, pmxevcntr_el0
  mrs x1, pmxevtyper_el0
  set pmxevcntr_el0, 0x12345
  mrs x0, pmxevcntr_el0
  set pmselr_el0, 31
  mrs x1, pmxevtyper_el0
  set pmxevtyper_el0, 0x08000000
  mrs x1, pmxevtyper_el0
  set pmevcntr3_el0, 0x123456789
  mrs x1, pmevcntr3_el0

  /* Overflow without an interrupt. Never between the read of a counter and that of the flags: QEMU would see it later. */
  set pmcr_el0, 1
  set pmccntr_el0, 0xfffffff1
  set pmevcntr0_el0, 0xfffffff6
  set pmevcntr1_el0, 0xffffffe2
  set pmevcntr2_el0, 0xffffffff
  .rept 6
  read_all
  .endr
  set pmswinc_el0, 4
  read_all
  set pmovsclr_el0, 0x80000005
  read_all
  set pmovsclr_el0, 0xffffffff
  set pmcr_el0, 0x41
  set pmccntr_el0, 0xfffffff0
  .rept 6
  read_all
  .endr
  set pmccntr_el0, 0xfffffffffffffff0
  .rept 6
  read_all
  .endr
  set pmovsclr_el0, 0xffffffff

  /* Overflow interrupts: of the cycle counter and of software increments. QEMU misses those of events (docs/qemu-differences.md). */
  msr daifclr, #2
  set pmintenset_el1, 0x80000004
  mrs x5, pmintenset_el1
.macro sled
  .rept 24
  nop
  .endr
  read_all
.endm
  set pmccntr_el0, 0xfffffffffffffff0
  sled
  set pmevcntr2_el0, 0xffffffff
  nop
  set pmswinc_el0, 4
  nop
  nop
  read_all
  set pmovsset_el0, 4
  nop
  nop
  read_all
  /* Across an abort. */
  set pmccntr_el0, 0xfffffffffffffff0
  ldr x6, =0xc0000000
  ldp x7, x8, [x6]
  sled
  /* Divided. */
  set pmcr_el0, 9
  set pmccntr_el0, 0xfffffffe
  mov x6, #100
1:subs x6, x6, #1
  b.ne 1b
  read_all
  /* Enabled while it is pending. */
  set pmcr_el0, 0x41
  set pmintenclr_el1, 0xffffffff
  set pmccntr_el0, 0xfffffffffffffff0
  sled
  set pmintenset_el1, 0x80000000
  nop
  nop
  read_all
  /* By the filter it counts at EL1 only. */
  set pmccfiltr_el0, 0x40000000
  set pmccntr_el0, 0xfffffffffffffff8
  sled
  to_el1
  .rept 16
  nop
  .endr
  hvc #1
  read_all
  /* WFI ends by the interrupt of the counter. */
  set pmccfiltr_el0, 0x08000000
  set pmccntr_el0, 0xffffffffffffff00
  wfi
  nop
  read_all
  /* Traps. */
  set mdcr_el2, 0x46
  to_el1
  mrs x0, pmccntr_el0
  to_el0
  mrs x0, pmccntr_el0
  svc #2
  hvc #1
  set mdcr_el2, 0x6
  to_el1
  set pmuserenr_el0, 0xe
  to_el0
  mrs x0, pmccntr_el0
  mrs x0, pmevcntr0_el0
  mov x9, #1
  msr pmswinc_el0, x9
  msr pmccntr_el0, x9
  mrs x0, pmcr_el0
  svc #2
  hvc #1

  movz x0, #0x8400, lsl #16
  movk x0, #8
  smc #0
  b .
.ltorg

/* SVC and HVC: back, the last at EL2; others over the instruction. Interrupts: the counters' state, and their flags off. */
.macro synchronous_handler el
  mrs x24, esr_el\el
  lsr x28, x24, #26
  cmp x28, #0x15
  b.eq 1f
  cmp x28, #0x16
  b.eq 2f
  mrs x26, elr_el\el
  add x28, x26, #4
  msr elr_el\el, x28
  eret
1:
  .if \el == 1
  mov x28, #0x3c5
  msr spsr_el1, x28
  .endif
  eret
2:mov x28, #0x349            // EL2, with IRQs unmasked
  msr spsr_el2, x28
  eret
.endm
.balign 0x800
vectors:
.rept 4
.balign 0x80
  b el2_synchronous
.balign 0x80
  b el2_irq
.balign 0x80
  b .
.balign 0x80
  b .
.endr
.balign 0x800
vectors_el1:
.rept 16
.balign 0x80
  b el1_synchronous
.endr
el2_synchronous:
  synchronous_handler 2
el1_synchronous:
  synchronous_handler 1
el2_irq:
  mrs x25, elr_el2
  mrs x26, pmovsset_el0
  mrs x27, s3_0_c12_c12_0    // ICC_IAR1
  msr pmovsclr_el0, x26
  msr cnthp_ctl_el2, xzr
  msr s3_0_c12_c12_1, x27    // ICC_EOIR1
  add x20, x20, #1
  eret
.ltorg
