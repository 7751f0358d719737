#include "bench.h"
#include "sysreg.h"

#define SCTLR_EL2_RES1 0x30c50830ul
#define SCTLR_M_C_I (1ul << 0 | 1ul << 2 | 1ul << 12)
#define TCR_EL2_RES1 (1ul << 31 | 1ul << 23)
#define TCR_EL2_PS_40 (2ul << 16)
#define DEVICES_BASE 0x08000000ul
#define DEVICES_SIZE 0x02000000ul
#define RAM_BASE 0x40000000ul
#define RAM_SIZE 0x10000000ul

static u64 tables[8][ENTRIES] __attribute__((aligned(PAGE_SIZE)));
struct table_pool bench_pool;
u64 bench_root;

void enable_mmu(void)
{
  bench_pool = (struct table_pool){.physical = (u64)tables, .count = array_length(tables)};
  bench_root = allocate_table(&bench_pool);
  map_range(bench_root, &bench_pool, DEVICES_BASE, DEVICES_BASE, DEVICES_SIZE, S1_DEVICE);
  map_range(bench_root, &bench_pool, RAM_BASE, RAM_BASE, RAM_SIZE, S1_NORMAL);
  write_sysreg(MAIR_EL2, MAIR_VALUE);
  write_sysreg(TCR_EL2, TCR_EL2_RES1 | TCR_EL2_PS_40 | TCR_T0SZ_39 | TCR_T0_WALKS);
  write_sysreg(TTBR0_EL2, bench_root);
  isb();
  asm volatile("tlbi alle2; dsb ish; isb" : : : "memory");
  write_sysreg(SCTLR_EL2, SCTLR_EL2_RES1 | SCTLR_M_C_I);
  isb();
}
