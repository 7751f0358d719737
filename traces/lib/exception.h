/*
 * The frame that an exception entry leaves on the stack, and the assembly macros that write and read it.
 * Included from C and from assembly.
 */
#ifndef EXCEPTION_H
#define EXCEPTION_H

#define FRAME_ELR 248
#define FRAME_SPSR 256
#define FRAME_ESR 264
#define FRAME_FAR 272
#define FRAME_SIZE 288

/* The sixteen entries of a vector table, in its order: four sources, and four types from each. */
#define VECTOR_CURRENT_SP0 0
#define VECTOR_CURRENT_SPX 4
#define VECTOR_LOWER_64 8
#define VECTOR_LOWER_32 12
#define VECTOR_SYNC 0
#define VECTOR_IRQ 1
#define VECTOR_FIQ 2
#define VECTOR_SERROR 3

#ifdef __ASSEMBLER__

// Save everything that a handler may change, and what describes the exception taken to EL\el.
.macro save_frame el
  stp   x2, x3, [sp, #16]
  stp   x4, x5, [sp, #32]
  stp   x6, x7, [sp, #48]
  stp   x8, x9, [sp, #64]
  stp   x10, x11, [sp, #80]
  stp   x12, x13, [sp, #96]
  stp   x14, x15, [sp, #112]
  stp   x16, x17, [sp, #128]
#ifdef BUG_X18_NOT_SAVED
  str   x19, [sp, #152]
#else
  stp   x18, x19, [sp, #144]
#endif
  stp   x20, x21, [sp, #160]
  stp   x22, x23, [sp, #176]
  stp   x24, x25, [sp, #192]
  stp   x26, x27, [sp, #208]
  stp   x28, x29, [sp, #224]
  mrs   x2, elr_el\el
  mrs   x3, spsr_el\el
  stp   x30, x2, [sp, #240]
  str   x3, [sp, #FRAME_SPSR]
  mrs   x2, esr_el\el
  mrs   x3, far_el\el
  str   x2, [sp, #FRAME_ESR]
  str   x3, [sp, #FRAME_FAR]
.endm

// Restore the frame, drop it and return from the exception.
.macro restore_frame_and_eret el
  ldr   x3, [sp, #FRAME_SPSR]
  ldp   x30, x2, [sp, #240]
  msr   elr_el\el, x2
  msr   spsr_el\el, x3
  ldp   x2, x3, [sp, #16]
  ldp   x4, x5, [sp, #32]
  ldp   x6, x7, [sp, #48]
  ldp   x8, x9, [sp, #64]
  ldp   x10, x11, [sp, #80]
  ldp   x12, x13, [sp, #96]
  ldp   x14, x15, [sp, #112]
  ldp   x16, x17, [sp, #128]
#ifdef BUG_X18_NOT_SAVED
  ldr   x19, [sp, #152]
#else
  ldp   x18, x19, [sp, #144]
#endif
  ldp   x20, x21, [sp, #160]
  ldp   x22, x23, [sp, #176]
  ldp   x24, x25, [sp, #192]
  ldp   x26, x27, [sp, #208]
  ldp   x28, x29, [sp, #224]
  ldp   x0, x1, [sp], #FRAME_SIZE
  eret
.endm

// One entry: make room, and go on in \common with the entry's number in x0.
.macro vector_entry label, number, common
  .balign 128
  .global \label
\label:
  sub   sp, sp, #FRAME_SIZE
  stp   x0, x1, [sp]
  mov   x0, #\number
  b     \common
.endm

// A whole table. Its entries are labelled \prefix\()_0 to \prefix\()_15.
.macro vector_table prefix, common
  .balign 2048
  .global \prefix
\prefix:
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  vector_entry \prefix\()_\n, \n, \common
  .endr
.endm

#else

#include "types.h"

struct exception_frame {
  u64 x[31];
  u64 elr, spsr, esr, far;
  u64 unused; /* the stack pointer stays 16-byte aligned */
};
_Static_assert(sizeof(struct exception_frame) == FRAME_SIZE, "exception.h: the assembly's frame");

#define ESR_EC(esr) (((esr) >> 26) & 0x3f)
#define ESR_ISS(esr) ((esr) & 0x1ffffff)

#endif
#endif
