/*
 * Translation tables for the 4 KiB granule and 39-bit input addresses: walks start at level 1 with one table of 512
 * entries. The same builder serves stage 1 at EL1 and EL2 and stage 2; only the attribute bits differ.
 */
#ifndef PAGE_TABLE_H
#define PAGE_TABLE_H

#include "types.h"

#define PAGE_SIZE 0x1000ul
#define BLOCK_SIZE 0x200000ul
#define ENTRIES 512

/* Descriptor bits (Arm ARM D8.3). */
#define DESCRIPTOR_VALID 1ul
#define DESCRIPTOR_TABLE 3ul
#define DESCRIPTOR_BLOCK 1ul
#define DESCRIPTOR_PAGE 3ul
#define DESCRIPTOR_ADDRESS 0x0000fffffffff000ul
#define ACCESS_FLAG (1ul << 10)
#define INNER_SHAREABLE (3ul << 8)

/* Stage 1: MAIR index 0 is Normal write-back, 1 is Device-nGnRE. */
#define MAIR_VALUE 0x04fful
#define S1_NORMAL (0ul << 2 | INNER_SHAREABLE | ACCESS_FLAG)
#define S1_DEVICE (1ul << 2 | ACCESS_FLAG | S1_NO_EXECUTE)
#define S1_READ_ONLY (1ul << 7)
#define S1_NO_EXECUTE (1ul << 54) /* XN at EL2, UXN at EL1 */
#define S1_NO_EXECUTE_EL1 (1ul << 53)

/* Stage 2. */
#define S2_NORMAL (0xful << 2 | INNER_SHAREABLE | ACCESS_FLAG)
#define S2_DEVICE (1ul << 2 | ACCESS_FLAG | S2_NO_EXECUTE)
#define S2_READ (1ul << 6)
#define S2_WRITE (1ul << 7)
#define S2_NO_EXECUTE (1ul << 54)

/* TCR_EL1, TCR_EL2 and VTCR_EL2: 39 bits, 4 KiB, write-back inner shareable walks. */
#define TCR_T0SZ_39 25ul
#define TCR_T0_WALKS (1ul << 8 | 1ul << 10 | 3ul << 12)
#define TCR_T1SZ_39 (25ul << 16)
#define TCR_T1_WALKS (1ul << 24 | 1ul << 26 | 3ul << 28 | 2ul << 30)

/* Where tables come from. `window` is what to add to a table's physical address to reach it. */
struct table_pool {
  u64 physical;
  u64 window;
  unsigned used, count;
};

/* A zeroed table's physical address; 0 when the pool is empty. */
u64 allocate_table(struct table_pool *pool);

/* Map [input, input + size) to output, with blocks of 2 MiB where alignment allows. False: the pool is empty. */
bool map_range(u64 root, struct table_pool *pool, u64 input, u64 output, u64 size, u64 attributes);

/* The level-2 or level-3 descriptor that a walk of `input` would end at; 0 where a table is missing. */
u64 *find_descriptor(u64 root, const struct table_pool *pool, u64 input);

#endif
