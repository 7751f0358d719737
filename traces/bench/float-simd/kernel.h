/* Checksums of the bits of the results. */
#ifndef KERNEL_H
#define KERNEL_H

#include "types.h"

u64 bodies_after(u32 steps);
u64 matrices_after(u32 products);

#endif
