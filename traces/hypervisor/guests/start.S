// A guest's first instructions: EL1, MMU off, at its IPA. Build the tables, turn the MMU on, go on at the virtual address.

#include "exception.h"
#include "layout.h"

  .section .text.start, "ax"
  .type payload_start, %function
payload_start:
  msr   daifset, #0xf
  msr   spsel, #1
  adrp  x0, kernel_memory + KERNEL_STACK_TOP
  add   x0, x0, :lo12:kernel_memory + KERNEL_STACK_TOP
  mov   sp, x0
  mov   x29, xzr
  mov   x30, xzr
  bl    enable_mmu            // the image runs at both its addresses until kernel_entry drops the lower one
  ldr   x0, =kernel_memory + KERNEL_STACK_TOP
  mov   sp, x0
  ldr   x0, =kernel_entry
  blr   x0
  .size payload_start, . - payload_start

  .text
  vector_table el1_vectors, el1_common
el1_common:
  save_frame 1
  mov   x1, sp
  mov   x29, xzr
  bl    kernel_exception
  restore_frame_and_eret 1
