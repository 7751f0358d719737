#include "gic.h"
#include "sysreg.h"

#define CTLR_ENABLE_GROUPS 3u
#define GICC_CTLR_ACKCTL (1u << 2)
#define GICC_CTLR_FIQEN (1u << 3)
#define GICC_CTLR_EOIMODE (1u << 9)
#define SGIR_TO_SELF (2u << 24)

static void init(void)
{
  mmio_write32(GICD_BASE + GICD_CTLR, CTLR_ENABLE_GROUPS);
  mmio_write32(GICC_BASE + GICC_PMR, 0xff);
  /* AckCtl: one GICC_IAR for both groups, for this GIC has no Security Extensions and so no banked view. */
  mmio_write32(GICC_BASE + GICC_CTLR, CTLR_ENABLE_GROUPS | GICC_CTLR_ACKCTL | GICC_CTLR_FIQEN | GICC_CTLR_EOIMODE);
}

/* The whole of GICC_IAR goes back to GICC_EOIR: for an SGI it names the sender, too. One CPU: that is always 0. */
static u32 acknowledge(enum gic_group group)
{
  (void)group;
  return mmio_read32(GICC_BASE + GICC_IAR) & 0x3ff;
}

static void drop_priority(enum gic_group group, u32 intid)
{
  (void)group;
  mmio_write32(GICC_BASE + GICC_EOIR, intid);
}

static void deactivate(u32 intid) { mmio_write32(GICC_BASE + GICC_DIR, intid); }

static void send_self(enum gic_group group, u32 sgi)
{
  (void)group;
  mmio_write32(GICD_BASE + GICD_SGIR, SGIR_TO_SELF | sgi);
}

const struct gic_driver gic_v2 = {2, init, acknowledge, drop_priority, deactivate, send_self, GICD_BASE};
