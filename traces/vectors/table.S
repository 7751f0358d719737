// The vector tables of EL2 and EL1. Between saving and restoring, every register is spoiled.

#include "exception.h"

.macro spoil_registers
  .irp n, 2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
  mvn   x\n, xzr
  .endr
  msr   nzcv, xzr
.endm

.macro common_path name, el, handler
\name:
  save_frame \el
  spoil_registers
  mov   x1, sp
  mov   x29, xzr
  bl    \handler
  restore_frame_and_eret \el
.endm

  .text
  vector_table el2_vectors, el2_common
  vector_table el1_vectors, el1_common
  common_path el2_common, 2, el2_exception
  common_path el1_common, 1, el1_exception
