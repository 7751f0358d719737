// Raise each kind of exception with a known value in every register, and capture what the registers hold afterwards.

#include "exception.h"
#include "hypercalls.h"

#define CALLEE_SAVED 96
#define NZCV_PATTERN 0xa0000000

// x0 to x30 and the flags get values that only they have.
.macro fill_registers
  mov   x0, #NZCV_PATTERN
  msr   nzcv, x0
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
  mov   x\n, #(0x100 + \n)
  movk  x\n, #0xfeed, lsl #48
  .endr
.endm

// Store x0 to x30 and the flags in `captured`. Needs a stack; leaves x0 to x2 changed.
.macro capture_registers
  stp   x0, x1, [sp, #-16]!
  adrp  x0, captured
  add   x0, x0, :lo12:captured
  stp   x2, x3, [x0, #16]
  stp   x4, x5, [x0, #32]
  stp   x6, x7, [x0, #48]
  stp   x8, x9, [x0, #64]
  stp   x10, x11, [x0, #80]
  stp   x12, x13, [x0, #96]
  stp   x14, x15, [x0, #112]
  stp   x16, x17, [x0, #128]
  stp   x18, x19, [x0, #144]
  stp   x20, x21, [x0, #160]
  stp   x22, x23, [x0, #176]
  stp   x24, x25, [x0, #192]
  stp   x26, x27, [x0, #208]
  stp   x28, x29, [x0, #224]
  mrs   x1, nzcv
  stp   x30, x1, [x0, #240]
  ldp   x1, x2, [sp], #16
  stp   x1, x2, [x0]
.endm

.macro enter_exercise name
  .global \name
  .type \name, %function
\name:
  stp   x29, x30, [sp, #-CALLEE_SAVED]!
  stp   x19, x20, [sp, #16]
  stp   x21, x22, [sp, #32]
  stp   x23, x24, [sp, #48]
  stp   x25, x26, [sp, #64]
  stp   x27, x28, [sp, #80]
.endm

.macro leave_exercise name
  ldp   x19, x20, [sp, #16]
  ldp   x21, x22, [sp, #32]
  ldp   x23, x24, [sp, #48]
  ldp   x25, x26, [sp, #64]
  ldp   x27, x28, [sp, #80]
  ldp   x29, x30, [sp], #CALLEE_SAVED
  ret
  .size \name, . - \name
.endm

// The instructions that raise the exception. An interrupt is pending by now and only masked.
.macro raise_sync
  brk   #0x16
.endm
.macro raise_interrupt
  msr   daifclr, #3
  isb
  msr   daifset, #3
.endm

// At EL2 on SP_EL2, then on SP_EL0.
.macro exercise_at_el2 name, raise
  enter_exercise \name\()_on_spx
  fill_registers
  \raise
  capture_registers
  leave_exercise \name\()_on_spx

  enter_exercise \name\()_on_sp0
  adrp  x0, sp0_stack_top
  add   x0, x0, :lo12:sp0_stack_top
  msr   spsel, #0
  mov   sp, x0
  fill_registers
  \raise
  capture_registers
  msr   spsel, #1
  leave_exercise \name\()_on_sp0
.endm

// A branch into the vector table, with the return address and state that a real exception would have left. For the
// entries that nothing can reach here: a physical SError cannot be provoked on this board, and EL1 is never AArch32.
.macro exercise_by_branch number
  enter_exercise branch_to_\number
  adr   x0, 1f
  msr   elr_el2, x0
  mrs   x0, daif
  mov   x1, #0x9              // EL2h
  orr   x0, x0, x1
  mov   x1, #NZCV_PATTERN
  orr   x0, x0, x1
  msr   spsr_el2, x0
  fill_registers
  b     el2_vectors_\number
1:
  capture_registers
  leave_exercise branch_to_\number
.endm

  .text
  exercise_at_el2 sync_at_el2, raise_sync
  exercise_at_el2 interrupt_at_el2, raise_interrupt
  .irp n, 3, 7, 11, 12, 13, 14, 15
  exercise_by_branch \n
  .endr

// void run_at_el1(void (*body)(void), u64 spsr): ERET to EL1; the body comes back by HVC_FINISHED, whose handler returns
// to el1_finished at EL2 with the stack as it was.
  enter_exercise run_at_el1
  msr   elr_el2, x0
  msr   spsr_el2, x1
  adrp  x0, el1_stack_top
  add   x0, x0, :lo12:el1_stack_top
  msr   sp_el1, x0
  isb
  eret
  .global el1_finished
el1_finished:
  leave_exercise run_at_el1

// Bodies at EL1.
  .global el1_sync_body, el1_spin_body, el1_virtual_body
el1_sync_body:
  fill_registers
  hvc   #HVC_EXERCISE
  capture_registers
  hvc   #HVC_FINISHED

// An interrupt for EL2 is not masked by EL1's PSTATE: wait for the timer in a loop, out of which EL2's handler steps.
el1_spin_body:
  fill_registers
1:
  b     1b
  capture_registers
  hvc   #HVC_FINISHED

el1_virtual_body:
  fill_registers
  msr   daifclr, #7
  isb
  msr   daifset, #7
  capture_registers
  hvc   #HVC_FINISHED

  .section .stacks, "aw", %nobits
  .balign 16
  .skip 4096
sp0_stack_top:
  .skip 4096
el1_stack_top:
