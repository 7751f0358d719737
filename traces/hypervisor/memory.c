/* Translation tables of EL2 and of stage 2, and access to guest memory. */
#include "gic.h"
#include "hypervisor.h"
#include "layout.h"
#include "page_table.h"
#include "string.h"
#include "sysreg.h"

#define SCTLR_EL2_RES1 0x30c50830ul
#define SCTLR_M (1ul << 0)
#define SCTLR_A (1ul << 1)
#define SCTLR_C (1ul << 2)
#define SCTLR_SA (1ul << 3)
#define SCTLR_I (1ul << 12)
#define TCR_EL2_RES1 (1ul << 31 | 1ul << 23)
#define TCR_EL2_PS_40 (2ul << 16)
#define VTCR_RES1 (1ul << 31)
#define VTCR_PS_40 (2ul << 16)
#define VTCR_START_LEVEL_1 (1ul << 6)

#define DEVICES_BASE 0x08000000ul
#define DEVICES_SIZE 0x02000000ul
#define RAM_ABOVE_IMAGE 0x40400000ul
#define RAM_END 0x50000000ul
#define S2_RAM (S2_NORMAL | S2_READ | S2_WRITE | S2_NO_EXECUTE)
#define GICV_PA 0x08040000ul
#define GICV_SIZE 0x2000ul

extern char text_start[], text_end[], rodata_end[], image_end[], stack_bottom[];

#define STATISTICS 16

/* What guests have a part in, then the tables. */
static struct {
  u64 statistics[STATISTICS];
  char message[PAGE_SIZE - STATISTICS * sizeof(u64)]; /* a guest's string, before it is looked at */
  u64 stage2_tables[16][ENTRIES];
  u64 el2_tables[5][ENTRIES];
} arena __attribute__((aligned(PAGE_SIZE)));

static struct table_pool el2_pool, stage2_pool;

static void map(u64 root, struct table_pool *from, u64 input, u64 output, u64 size, u64 attributes)
{
  if (!map_range(root, from, input, output, size, attributes))
    panic("no translation table left", 0);
}

static void map_el2(u64 root, const char *from, const char *to, u64 attributes)
{
  map(root, &el2_pool, (u64)from, (u64)from, to - from, S1_NORMAL | attributes);
}

void enable_el2_mmu(void)
{
  el2_pool = (struct table_pool){.physical = (u64)arena.el2_tables, .count = array_length(arena.el2_tables)};
  stage2_pool = (struct table_pool){.physical = (u64)arena.stage2_tables, .count = array_length(arena.stage2_tables)};
  u64 root = allocate_table(&el2_pool);
  map(root, &el2_pool, DEVICES_BASE, DEVICES_BASE, DEVICES_SIZE, S1_DEVICE);
  map_el2(root, text_start, text_end, S1_READ_ONLY);
  map_el2(root, text_end, rodata_end, S1_READ_ONLY | S1_NO_EXECUTE);
  map_el2(root, rodata_end, image_end, S1_NO_EXECUTE);
  map(root, &el2_pool, HYPERVISOR_STACK_VA, (u64)stack_bottom, HYPERVISOR_STACK_SIZE, S1_NORMAL | S1_NO_EXECUTE);
  map(root, &el2_pool, RAM_ABOVE_IMAGE, RAM_ABOVE_IMAGE, RAM_END - RAM_ABOVE_IMAGE, S1_NORMAL | S1_NO_EXECUTE);

  write_sysreg(MAIR_EL2, MAIR_VALUE);
  write_sysreg(TCR_EL2, TCR_EL2_RES1 | TCR_EL2_PS_40 | TCR_T0SZ_39 | TCR_T0_WALKS);
  write_sysreg(TTBR0_EL2, root);
  write_sysreg(VTCR_EL2, VTCR_RES1 | VTCR_PS_40 | VTCR_START_LEVEL_1 | TCR_T0SZ_39 | TCR_T0_WALKS);
  isb();
  asm volatile("tlbi alle2; tlbi alle1; dsb ish; isb" : : : "memory");
  write_sysreg(SCTLR_EL2, SCTLR_EL2_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I);
  isb();
}

/* Stage 2 of one guest: its text read-only, in a first 2 MiB of pages; the rest of its RAM in blocks without execution;
 * no device but the virtual CPU interface of a GICv2. */
void build_stage2(struct vcpu *vcpu, u64 ram)
{
  u64 text = *(const u64 *)ram; /* the first word of a payload: hypervisor.ld */
  u64 root = allocate_table(&stage2_pool);
  vcpu->stage2_root = root;
  map(root, &stage2_pool, GUEST_IPA, ram, text, S2_NORMAL | S2_READ);
  map(root, &stage2_pool, GUEST_IPA + text, ram + text, BLOCK_SIZE - text, S2_RAM);
#ifdef BUG_LAST_BLOCK_UNMAPPED
  for (u64 n = 1; n < GUEST_RAM_SIZE / BLOCK_SIZE - 1; n++)
#else
  for (u64 n = 1; n < GUEST_RAM_SIZE / BLOCK_SIZE; n++)
#endif
#ifdef BUG_WRONG_BLOCK
    map(root, &stage2_pool, GUEST_IPA + n * BLOCK_SIZE, ram + (n + 1) * BLOCK_SIZE, BLOCK_SIZE, S2_RAM);
#else
    map(root, &stage2_pool, GUEST_IPA + n * BLOCK_SIZE, ram + n * BLOCK_SIZE, BLOCK_SIZE, S2_RAM);
#endif
  if (gic->version == 2)
    map(root, &stage2_pool, GICC_BASE, GICV_PA, GICV_SIZE, S2_DEVICE | S2_READ | S2_WRITE);
  vcpu->vttbr = (u64)vcpu->id << 48 | root;
}

bool copy_from_guest(const struct vcpu *vcpu, void *to, u64 ipa, u64 size)
{
  for (u64 step; size; to = (char *)to + step, ipa += step, size -= step) {
    u64 in_page = PAGE_SIZE - (ipa & (PAGE_SIZE - 1));
    step = size < in_page ? size : in_page;
    const u64 *descriptor = find_descriptor(vcpu->stage2_root, &stage2_pool, ipa);
    if (ipa < GUEST_IPA || ipa >= GUEST_IPA + GUEST_RAM_SIZE || !descriptor || !(*descriptor & S2_READ))
      return false;
    u64 mask = (*descriptor & 3) == DESCRIPTOR_PAGE ? PAGE_SIZE - 1 : BLOCK_SIZE - 1;
    memcpy(to, (const void *)((*descriptor & DESCRIPTOR_ADDRESS & ~mask) | (ipa & mask)), step);
  }
  return true;
}

const char *guest_string(const struct vcpu *vcpu, u64 ipa, u64 size)
{
  if (size >= sizeof arena.message || !copy_from_guest(vcpu, arena.message, ipa, size))
    return 0;
  arena.message[size] = 0;
  return arena.message;
}

void keep_statistic(u64 key, u64 value)
{
#ifdef BUG_STRAY_STORE
  arena.statistics[key] = value;
#else
  arena.statistics[key % STATISTICS] = value;
#endif
}

/* Take the permission to write from pages of the guest that runs. They have to be mapped as pages. */
bool seal(const struct vcpu *vcpu, u64 ipa, u64 size)
{
  if (ipa < GUEST_IPA || size > BLOCK_SIZE || ipa + size > GUEST_IPA + BLOCK_SIZE)
    return false;
#ifdef BUG_SEAL_ONE_MORE
  for (u64 page = ipa; page <= ipa + size; page += PAGE_SIZE) {
#else
  for (u64 page = ipa; page < ipa + size; page += PAGE_SIZE) {
#endif
    *find_descriptor(vcpu->stage2_root, &stage2_pool, page) &= ~S2_WRITE;
    dsb(ishst);
    asm volatile("tlbi ipas2e1is, %0" : : "r"(page >> 12) : "memory");
  }
  /* Translations that combine both stages are not found by IPA: all of this VMID's go (D8.13.5). */
  asm volatile("dsb ish; tlbi vmalle1is; dsb ish; isb" : : : "memory");
  return true;
}
