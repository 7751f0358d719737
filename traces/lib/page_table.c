#include "page_table.h"
#include "string.h"
#include "sysreg.h"

static unsigned index_at(u64 input, unsigned level) { return (input >> (39 - 9 * level)) & (ENTRIES - 1); }

static u64 *table_at(const struct table_pool *pool, u64 physical) { return (u64 *)(physical + pool->window); }

u64 allocate_table(struct table_pool *pool)
{
  if (pool->used == pool->count)
    return 0;
  u64 physical = pool->physical + pool->used++ * PAGE_SIZE;
  memset(table_at(pool, physical), 0, PAGE_SIZE);
  return physical;
}

/* The next table down, made if it is not there. */
static u64 descend(struct table_pool *pool, u64 *entry)
{
  if (!(*entry & DESCRIPTOR_VALID)) {
    u64 table = allocate_table(pool);
    if (!table)
      return 0;
    *entry = table | DESCRIPTOR_TABLE;
  }
  return *entry & DESCRIPTOR_ADDRESS;
}

bool map_range(u64 root, struct table_pool *pool, u64 input, u64 output, u64 size, u64 attributes)
{
  for (u64 step; size; input += step, output += step, size -= step) {
    u64 level2 = descend(pool, &table_at(pool, root)[index_at(input, 1)]);
    if (!level2)
      return false;
    u64 *entry = &table_at(pool, level2)[index_at(input, 2)];
    if (((input | output) & (BLOCK_SIZE - 1)) == 0 && size >= BLOCK_SIZE) {
      step = BLOCK_SIZE;
      *entry = output | attributes | DESCRIPTOR_BLOCK;
    } else {
      u64 level3 = descend(pool, entry);
      if (!level3)
        return false;
      step = PAGE_SIZE;
      table_at(pool, level3)[index_at(input, 3)] = output | attributes | DESCRIPTOR_PAGE;
    }
  }
  dsb(ishst); /* a walk sees what was stored before it (D8.2.6) */
  return true;
}

u64 *find_descriptor(u64 root, const struct table_pool *pool, u64 input)
{
  u64 *entry = &table_at(pool, root)[index_at(input, 1)];
  for (unsigned level = 2; level <= 3; level++) {
    if ((*entry & 3) != DESCRIPTOR_TABLE)
      return level == 2 ? 0 : entry;
    entry = &table_at(pool, *entry & DESCRIPTOR_ADDRESS)[index_at(input, level)];
  }
  return entry;
}
