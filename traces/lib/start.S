// Reset: the loader enters here at EL2 with the MMU off. Set up a stack, clear .bss, call main, power off.

  .section .text.start, "ax"
  .global _start
  .type _start, %function
_start:
  msr   daifset, #0xf
  msr   spsel, #1
  adrp  x0, stack_top
  add   x0, x0, :lo12:stack_top
  mov   sp, x0
  mov   x29, xzr
  mov   x30, xzr

  adrp  x0, bss_start
  add   x0, x0, :lo12:bss_start
  adrp  x1, bss_end
  add   x1, x1, :lo12:bss_end
1:
  cmp   x0, x1
  b.hs  2f
  str   xzr, [x0], #8
  b     1b
2:
  bl    main
  bl    power_off
  .size _start, . - _start
