// The vector table of the benchmarks that take exceptions.

#include "exception.h"

  .text
  vector_table vectors, common
common:
  save_frame 2
  mov   x1, sp
  mov   x29, xzr
  bl    take_exception
  .global return_from_exception
return_from_exception:
  restore_frame_and_eret 2
