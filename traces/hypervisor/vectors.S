// EL2's vector table, and the first entry into a guest.

#include "exception.h"

  .text
  vector_table el2_vectors, el2_common

el2_common:
  save_frame 2
  mov   x1, sp
  mov   x29, xzr
  bl    el2_exception
  .global return_to_guest
return_to_guest:
  restore_frame_and_eret 2

// enter_guest(frame): copy the frame to the top of the stack, drop all below it, and return into it.
  .global enter_guest
  .type enter_guest, %function
enter_guest:
  adrp  x1, stack_top
  add   x1, x1, :lo12:stack_top
  sub   sp, x1, #FRAME_SIZE
  mov   x2, sp
1:
  ldp   x3, x4, [x0], #16
  stp   x3, x4, [x2], #16
  cmp   x2, x1
  b.lo  1b
  b     return_to_guest
  .size enter_guest, . - enter_guest
