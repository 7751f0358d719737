/*
 * The frame of a time probe. The counter runs at 1 GHz (-cpu …,cntfrq=1000000000), so CNTPCT is virtual time in ns.
 *
 *   begin NAME, uncounted=N, skips=0     reads the time into x25
 *   …                                    what is measured
 *   end                                  reads the time into x26, and the number of the probe into x27
 *
 * The runner counts the instructions attempted from `begin`'s MRS (excluded) to `end`'s (included) in the trace and
 * compares: attempted - (x26 - x25) must be N. `skips=1`: time jumped; see the runner. x24 to x28 belong to the frame.
 */
.set probe_number, 0
.macro begin name:req, uncounted:req, skips=0
  mrs x25, cntpct_el0
.endm
.macro end
  mrs x26, cntpct_el0
  mov x27, #probe_number
  .set probe_number, probe_number + 1
.endm

.macro power_off
  movz x0, #0x8400, lsl #16
  movk x0, #8
  smc #0
  b .
.endm

/* Steps over what was trapped: the preferred return is the instruction itself except for SVC (0x15) and HVC (0x16).
   A fetch that faulted (0x20, 0x21) and a PC that is not aligned (0x22) return to x30. */
.macro skip_handler el
  mrs x28, esr_el\el
  lsr x28, x28, #26
  cmp x28, #0x15
  b.eq 1f
  cmp x28, #0x16
  b.eq 1f
  and x24, x28, #0x3e
  cmp x24, #0x20
  b.eq 2f
  cmp x28, #0x22
  b.eq 2f
  mrs x28, elr_el\el
  add x28, x28, #4
  msr elr_el\el, x28
  mrs x28, spsr_el\el
  bic x28, x28, #(1 << 20)
  msr spsr_el\el, x28
1: eret
2: msr elr_el\el, x30
  eret
.endm

.macro vector_table name, el
.balign 0x800
\name:
.rept 16
.balign 0x80
  skip_handler \el
.endr
.endm

/* Continues at the next instruction at EL\el with SP_ELx (EL0: SP_EL0), interrupts masked. From EL2 only. */
.macro drop_to el
  .if \el == 0
  mov x28, #0x3c0
  .else
  mov x28, #(0x3c1 | (\el << 2))
  .endif
  msr spsr_el2, x28
  adr x28, 3f
  msr elr_el2, x28
  eret
3:
.endm
