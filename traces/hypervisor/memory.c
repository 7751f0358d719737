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
#define GICV_PA 0x08040000ul
#define GICV_SIZE 0x2000ul

extern char text_start[], text_end[], rodata_end[], stack_guard[], stack_bottom[], stack_top[];

/* What a guest hands over is copied here before it is looked at. The tables come after it. */
static struct {
  char message[PAGE_SIZE];
  u64 tables[16][ENTRIES];
} arena __attribute__((aligned(PAGE_SIZE)));

static struct table_pool pool;

static void map_el2(u64 root, const char *from, const char *to, u64 attributes)
{
  map_range(root, &pool, (u64)from, (u64)from, to - from, S1_NORMAL | attributes);
}

void enable_el2_mmu(void)
{
  pool = (struct table_pool){.physical = (u64)arena.tables, .count = array_length(arena.tables)};
  u64 root = allocate_table(&pool);
  map_range(root, &pool, DEVICES_BASE, DEVICES_BASE, DEVICES_SIZE, S1_DEVICE);
  map_el2(root, text_start, text_end, S1_READ_ONLY);
  map_el2(root, text_end, rodata_end, S1_READ_ONLY | S1_NO_EXECUTE);
  map_el2(root, rodata_end, stack_guard, S1_NO_EXECUTE);
  map_el2(root, stack_bottom, stack_top, S1_NO_EXECUTE);
  map_range(root, &pool, RAM_ABOVE_IMAGE, RAM_ABOVE_IMAGE, RAM_END - RAM_ABOVE_IMAGE, S1_NORMAL | S1_NO_EXECUTE);

  write_sysreg(MAIR_EL2, MAIR_VALUE);
  write_sysreg(TCR_EL2, TCR_EL2_RES1 | TCR_EL2_PS_40 | TCR_T0SZ_39 | TCR_T0_WALKS);
  write_sysreg(TTBR0_EL2, root);
  write_sysreg(VTCR_EL2, VTCR_RES1 | VTCR_PS_40 | VTCR_START_LEVEL_1 | TCR_T0SZ_39 | TCR_T0_WALKS);
  isb();
  asm volatile("tlbi alle2; tlbi alle1; dsb ish; isb" : : : "memory");
  write_sysreg(SCTLR_EL2, SCTLR_EL2_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I);
  isb();
}

/* Stage 2 of one guest: its image read-only where it says so, the rest of its RAM without execution, no device but the
 * virtual CPU interface of a GICv2. */
void build_stage2(struct vcpu *vcpu, u64 ram)
{
  const u64 *payload_sizes = (const u64 *)ram;
  u64 text = payload_sizes[0], image = payload_sizes[1];
  u64 root = allocate_table(&pool);
  vcpu->stage2_root = root;
  map_range(root, &pool, GUEST_IPA, ram, text, S2_NORMAL | S2_READ);
  map_range(root, &pool, GUEST_IPA + text, ram + text, image - text, S2_NORMAL | S2_READ | S2_WRITE | S2_NO_EXECUTE);
  map_range(root, &pool, GUEST_IPA + image, ram + image, GUEST_RAM_SIZE - image,
            S2_NORMAL | S2_READ | S2_WRITE | S2_NO_EXECUTE);
  if (gic->version == 2)
    map_range(root, &pool, GICC_BASE, GICV_PA, GICV_SIZE, S2_DEVICE | S2_READ | S2_WRITE);
  vcpu->vttbr = (u64)vcpu->id << 48 | root;
}

bool copy_from_guest(const struct vcpu *vcpu, void *to, u64 ipa, u64 size)
{
  for (u64 step; size; to = (char *)to + step, ipa += step, size -= step) {
    u64 in_page = PAGE_SIZE - (ipa & (PAGE_SIZE - 1));
    step = size < in_page ? size : in_page;
    const u64 *descriptor = find_descriptor(vcpu->stage2_root, &pool, ipa);
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
