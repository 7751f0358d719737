/* The list registers of a GICv2: GICH, in memory (IHI 0048B, chapter 5). */
#include "sysreg.h"
#include "vgic.h"

#define GICH_BASE 0x08030000ul
#define GICH_HCR 0x000
#define GICH_VTR 0x004
#define GICH_VMCR 0x008
#define GICH_APR 0x0f0
#define GICH_LR 0x100
#define HCR_EN 1u
#define HCR_UIE 2u
#define LR_HARDWARE (1u << 31)

static unsigned count(void) { return (mmio_read32(GICH_BASE + GICH_VTR) & 0x3f) + 1; }
static u64 read(unsigned n) { return mmio_read32(GICH_BASE + GICH_LR + 4 * n); }
static void write(unsigned n, u64 value) { mmio_write32(GICH_BASE + GICH_LR + 4 * n, value); }

/* Group 0, which the guest takes as IRQ: it leaves GICC_CTLR.FIQEn clear. Five bits of priority. */
static u64 encode(u32 intid, u8 priority, bool hardware)
{
  u32 value = (u32)(priority >> 3) << 23 | intid;
  return hardware ? value | LR_HARDWARE | intid << 10 : value;
}

static u32 intid(u64 value) { return value & 0x3ff; }
static void control(bool underflow) { mmio_write32(GICH_BASE + GICH_HCR, underflow ? HCR_EN | HCR_UIE : HCR_EN); }
static u64 read_vmcr(void) { return mmio_read32(GICH_BASE + GICH_VMCR); }
static void write_vmcr(u64 value) { mmio_write32(GICH_BASE + GICH_VMCR, value); }
static u64 read_active(void) { return mmio_read32(GICH_BASE + GICH_APR); }
static void write_active(u64 value) { mmio_write32(GICH_BASE + GICH_APR, value); }

const struct list_register_driver list_registers_v2 = {
    .count = count,
    .read = read,
    .write = write,
    .encode = encode,
    .intid = intid,
    .state_shift = 28,
    .control = control,
    .read_vmcr = read_vmcr,
    .write_vmcr = write_vmcr,
    .read_active_priorities = read_active,
    .write_active_priorities = write_active,
};
