/* What the benchmark programs share: they run at EL2 with the MMU and the caches on, in 2 MiB blocks, and print checksums. */
#ifndef BENCH_H
#define BENCH_H

#include "page_table.h"
#include "print.h"
#include "types.h"

extern struct table_pool bench_pool;
extern u64 bench_root;

/* Identity map: 256 MiB of RAM and the devices. */
void enable_mmu(void);

/* A small generator of numbers; never returns to its start within any of these programs. */
static inline u32 next_random(u32 *state)
{
  *state = *state * 1664525 + 1013904223;
  return *state >> 8;
}

#endif
