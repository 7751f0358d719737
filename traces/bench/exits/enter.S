// enter_guest(entry, spsr, stack): drop to EL1.

  .text
  .global enter_guest
  .type enter_guest, %function
enter_guest:
  msr   elr_el2, x0
  msr   spsr_el2, x1
  msr   sp_el1, x2
  mov   x29, xzr
  mov   x30, xzr
  isb
  eret
  .size enter_guest, . - enter_guest
