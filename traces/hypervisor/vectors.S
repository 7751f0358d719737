// EL2's vector table, and the first entry into a guest.

#include "exception.h"
#include "hypercall.h"
#include "layout.h"

#define ESR_EC_HVC 0x16

  .text
  vector_table el2_vectors, el2_common

el2_common:
  cmp   x0, #VECTOR_LOWER_64
  b.ne  1f
  mrs   x1, esr_el2
  lsr   x1, x1, #26
  cmp   x1, #ESR_EC_HVC
  b.ne  1f
  ldr   x0, [sp]
  ldr   x1, =HVC_GET_TIME
  cmp   x0, x1
  b.eq  get_time
  mov   x0, #VECTOR_LOWER_64
1:
  save_frame 2
  mov   x1, sp
  mov   x29, xzr
  bl    el2_exception
  .global return_to_guest
return_to_guest:
  restore_frame_and_eret 2

// The hypercall that guests make most often needs two registers and no C: nanoseconds since the guest started.
get_time:
  adrp  x1, current
  ldr   x1, [x1, :lo12:current]
  ldr   x1, [x1]              // timer_offset
  mrs   x0, cntpct_el0
  sub   x0, x0, x1
  lsl   x0, x0, #4            // 16 ns a tick
  ldr   x1, [sp, #8]
#ifndef BUG_FRAME_LEAK
  add   sp, sp, #FRAME_SIZE
#endif
  eret

// enter_guest(frame): copy the frame to the top of the exception stack, and return into it. The boot is over: what is on
// the stack is dropped.
  .global enter_guest
  .type enter_guest, %function
enter_guest:
  ldr   x1, =HYPERVISOR_STACK_TOP
  sub   sp, x1, #FRAME_SIZE
  mov   x2, sp
1:
  ldp   x3, x4, [x0], #16
  stp   x3, x4, [x2], #16
  cmp   x2, x1
  b.lo  1b
  b     return_to_guest
  .size enter_guest, . - enter_guest
