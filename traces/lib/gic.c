#include "gic.h"
#include "sysreg.h"

const struct gic_driver *gic;

/* Peripheral ID2 tells the version; it moved when the distributor grew to 64 KiB, and its old place reads as zero. */
static unsigned architecture_version(void)
{
  unsigned version = (mmio_read32(GICD_BASE + GICD_PIDR2_V2) >> 4) & 0xf;
  return version ? version : (mmio_read32(GICD_BASE + GICD_PIDR2_V3) >> 4) & 0xf;
}

void gic_init(void)
{
  gic = architecture_version() >= 3 ? &gic_v3 : &gic_v2;
  mmio_write32(gic->private_registers + GICD_ICENABLER, ~0u);
  gic->init();
}

void gic_enable(u32 intid, enum gic_group group, u8 priority)
{
  u64 base = gic->private_registers;
  u32 bit = 1u << intid;
  u32 groups = mmio_read32(base + GICD_IGROUPR);
  mmio_write32(base + GICD_IGROUPR, group == GIC_IRQ ? groups | bit : groups & ~bit);
  mmio_write8(base + GICD_IPRIORITYR + intid, priority);
  mmio_write32(base + GICD_ISENABLER, bit);
}

void gic_disable(u32 intid) { mmio_write32(gic->private_registers + GICD_ICENABLER, 1u << intid); }

void gic_set_active(u32 intid, bool active)
{
  mmio_write32(gic->private_registers + (active ? GICD_ISACTIVER : GICD_ICACTIVER), 1u << intid);
}
