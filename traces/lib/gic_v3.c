#include "gic.h"
#include "sysreg.h"

#define GICD_CTLR_ENABLE_GROUPS 3u
#define GICD_CTLR_ARE (1u << 4)
#define GICD_CTLR_RWP (1u << 31)
#define WAKER_PROCESSOR_SLEEP (1u << 1)
#define WAKER_CHILDREN_ASLEEP (1u << 2)
#define SRE_ENABLE 0xful /* SRE, both bypasses off, and EL1 may use its own ICC_SRE_EL1 */
#define ICC_CTLR_EOIMODE (1u << 1)

static void init(void)
{
  mmio_write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ARE);
  while (mmio_read32(GICD_BASE + GICD_CTLR) & GICD_CTLR_RWP) {
  }
  mmio_write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_GROUPS);
  mmio_write32(GICR_BASE + GICR_WAKER, mmio_read32(GICR_BASE + GICR_WAKER) & ~WAKER_PROCESSOR_SLEEP);
  while (mmio_read32(GICR_BASE + GICR_WAKER) & WAKER_CHILDREN_ASLEEP) {
  }

  write_sysreg(ICC_SRE_EL2, SRE_ENABLE);
  isb();
  write_sysreg(ICC_PMR_EL1, 0xff);
  write_sysreg(ICC_CTLR_EL1, ICC_CTLR_EOIMODE);
  write_sysreg(ICC_IGRPEN0_EL1, 1);
  write_sysreg(ICC_IGRPEN1_EL1, 1);
  isb();
}

static u32 acknowledge(enum gic_group group)
{
  u32 intid = group == GIC_IRQ ? read_sysreg(ICC_IAR1_EL1) : read_sysreg(ICC_IAR0_EL1);
  dsb(sy); /* the acknowledge has to be seen by the device before its handler runs (IHI 0069, 4.1.1) */
  return intid & 0xffffff;
}

static void drop_priority(enum gic_group group, u32 intid)
{
  if (group == GIC_IRQ)
    write_sysreg(ICC_EOIR1_EL1, intid);
  else
    write_sysreg(ICC_EOIR0_EL1, intid);
  isb();
}

static void deactivate(u32 intid)
{
  write_sysreg(ICC_DIR_EL1, intid);
  isb();
}

static void send_self(enum gic_group group, u32 sgi)
{
  u64 to_cpu0 = (u64)sgi << 24 | 1;
  if (group == GIC_IRQ)
    write_sysreg(ICC_SGI1R_EL1, to_cpu0);
  else
    write_sysreg(ICC_SGI0R_EL1, to_cpu0);
  isb();
}

const struct gic_driver gic_v3 = {3, init, acknowledge, drop_priority, deactivate, send_self, GICR_SGI_BASE};
