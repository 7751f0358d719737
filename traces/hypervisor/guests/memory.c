/* A guest's stage 1: the kernel in the upper half, devices and demand-paged memory in the lower. */
#include "kernel.h"
#include "layout.h"
#include "page_table.h"
#include "string.h"
#include "sysreg.h"

#define DEVICES_IPA 0x08000000ul
#define DEVICES_SIZE 0x02000000ul
#define FIRST_FRAME (GUEST_IPA + 0x800000ul)
#define FIRST_ARCHIVE_FRAME (GUEST_IPA + GUEST_RAM_SIZE - BLOCK_SIZE)
#define RAM_END (GUEST_IPA + GUEST_RAM_SIZE)
#define SCTLR_RES1 0x30d00800ul
#define SCTLR_M_C_I (1ul << 0 | 1ul << 2 | 1ul << 12)
#define TCR_IPS_40 (2ul << 32)


/* The stack is the boot stack and stays the only one. */
struct {
  u64 upper_tables[UPPER_TABLES][ENTRIES];
  u8 stack[KERNEL_STACK_SIZE];
  u64 lower_tables[LOWER_TABLES][ENTRIES];
} kernel_memory __attribute__((aligned(PAGE_SIZE)));

static struct table_pool pool; /* of the lower half */
static u64 lower_root;
static u64 next_frame = FIRST_FRAME, next_archive_frame = FIRST_ARCHIVE_FRAME;
u32 page_faults;

u64 ipa_of(const void *image_address) { return (u64)image_address - GUEST_VA + GUEST_IPA; }

/* Runs with the MMU off, at the IPA: PC-relative addresses are IPAs here. start.S calls it. */
void enable_mmu(void)
{
  u64 text = *(const u64 *)GUEST_IPA; /* the first word of the payload: hypervisor.ld */
  struct table_pool upper_pool = {.physical = (u64)kernel_memory.upper_tables, .count = UPPER_TABLES};
  u64 upper_root = allocate_table(&upper_pool);
  map_range(upper_root, &upper_pool, GUEST_VA, GUEST_IPA, text, S1_NORMAL | S1_READ_ONLY | S1_NO_EXECUTE);
  map_range(upper_root, &upper_pool, GUEST_VA + text, GUEST_IPA + text, GUEST_RAM_SIZE - text,
            S1_NORMAL | S1_NO_EXECUTE | S1_NO_EXECUTE_EL1);
  pool = (struct table_pool){.physical = (u64)kernel_memory.lower_tables, .count = LOWER_TABLES};
  lower_root = allocate_table(&pool);
  map_range(lower_root, &pool, DEVICES_IPA, DEVICES_IPA, DEVICES_SIZE, S1_DEVICE | S1_NO_EXECUTE_EL1);
  map_range(lower_root, &pool, GUEST_IPA, GUEST_IPA, BLOCK_SIZE, S1_NORMAL | S1_NO_EXECUTE);

  write_sysreg(MAIR_EL1, MAIR_VALUE);
  write_sysreg(TCR_EL1, TCR_IPS_40 | TCR_T0SZ_39 | TCR_T0_WALKS | TCR_T1SZ_39 | TCR_T1_WALKS);
  write_sysreg(TTBR0_EL1, lower_root);
  write_sysreg(TTBR1_EL1, upper_root);
  isb();
  asm volatile("tlbi vmalle1; dsb nsh; isb" : : : "memory");
  write_sysreg(SCTLR_EL1, SCTLR_RES1 | SCTLR_M_C_I);
  isb();
}

/* Break before make (Arm ARM D8.13.1): the old translation is out of the TLB before a new one may come in. */
static void unmap(u64 address, u64 *descriptor)
{
  *descriptor = 0;
  dsb(ishst);
  asm volatile("tlbi vaae1is, %0; dsb ish; isb" : : "r"(address >> 12) : "memory");
}

/* At the virtual address: from here on tables are reached through the upper half, and the lower copy of the image goes. */
void memory_init(void)
{
  pool.window = GUEST_VA - GUEST_IPA;
  unmap(GUEST_IPA, find_descriptor(lower_root, &pool, GUEST_IPA));
}

static u64 take_frame(u64 *next, u64 end)
{
  require(*next < end, "out of frames");
  u64 frame = *next;
  *next += PAGE_SIZE;
  memset((void *)(frame + pool.window), 0, PAGE_SIZE);
  return frame;
}

u64 allocate_frame(void) { return take_frame(&next_frame, FIRST_ARCHIVE_FRAME); }
u64 allocate_archive_frame(void) { return take_frame(&next_archive_frame, RAM_END); }

bool take_page_fault(u64 address)
{
  if (address < HEAP_VA || address >= HEAP_VA + HEAP_SIZE)
    return false;
  page_faults++;
  u64 page = address & ~(PAGE_SIZE - 1);
  return map_range(lower_root, &pool, page, allocate_frame(), PAGE_SIZE, S1_NORMAL | S1_NO_EXECUTE | S1_NO_EXECUTE_EL1);
}

void *window_onto(u64 frame)
{
#ifndef BUG_NO_TLBI
  u64 *descriptor = find_descriptor(lower_root, &pool, WINDOW_VA);
  if (descriptor && *descriptor)
    unmap(WINDOW_VA, descriptor);
#endif
  bool mapped = map_range(lower_root, &pool, WINDOW_VA, frame, PAGE_SIZE, S1_NORMAL | S1_NO_EXECUTE | S1_NO_EXECUTE_EL1);
  require(mapped, "no table for the window");
  isb();
  return (void *)WINDOW_VA;
}
