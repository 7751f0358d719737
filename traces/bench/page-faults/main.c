/* Demand paging: every page of a region is touched, made present by the abort handler, and taken away again. */
#include "bench.h"
#include "exception.h"
#include "psci.h"
#include "sysreg.h"

#define REPETITIONS 2000
#define PAGES 256
#define REGION 0x80000000ul
#define FRAMES 0x44000000ul

extern char vectors[];
static u32 faults;

/* vectors.S calls this for every exception. */
void take_exception(unsigned entry, struct exception_frame *frame)
{
  u64 page = frame->far & ~(PAGE_SIZE - 1);
  if (entry != (VECTOR_CURRENT_SPX | VECTOR_SYNC) || ESR_EC(frame->esr) != 0x25 || page - REGION >= PAGES * PAGE_SIZE) {
    print("page-faults: unexpected exception, ESR %08lx ELR %016lx\n", frame->esr, frame->elr);
    power_off();
  }
  faults++;
  map_range(bench_root, &bench_pool, page, FRAMES + page - REGION, PAGE_SIZE, S1_NORMAL | S1_NO_EXECUTE);
}

static void unmap(u64 page)
{
  *find_descriptor(bench_root, &bench_pool, page) = 0;
  dsb(ishst);
  asm volatile("tlbi vae2, %0; dsb ish; isb" : : "r"(page >> 12) : "memory");
}

int main(void)
{
  u64 sum = 0;
  enable_mmu();
  write_sysreg(VBAR_EL2, vectors);
  isb();
  for (u32 repetition = 0; repetition < REPETITIONS; repetition++) {
    for (u64 page = REGION; page < REGION + PAGES * PAGE_SIZE; page += PAGE_SIZE)
      *(volatile u64 *)(page + 8 * (repetition % 512)) += page ^ repetition;
    for (u64 page = REGION; page < REGION + PAGES * PAGE_SIZE; page += PAGE_SIZE) {
      sum = sum * 3 + *(volatile u64 *)page;
      unmap(page);
    }
  }
  print("page-faults: %u faults, %016lx\n", faults, sum);
  return 0;
}
