/*
 * The interrupt controller as EL2 uses it, one driver for GICv2 and one for GICv3.
 * Group 1 interrupts arrive as IRQ and group 0 as FIQ. EOImode is 1: an end of interrupt only drops the running
 * priority, and deactivation is a second step, which a guest may do through a list register with its HW bit set.
 */
#ifndef GIC_H
#define GIC_H

#include "types.h"

#define GICD_BASE 0x08000000ul
#define GICD_CTLR 0x000
#define GICD_IGROUPR 0x080
#define GICD_ISENABLER 0x100
#define GICD_ICENABLER 0x180
#define GICD_ISACTIVER 0x300
#define GICD_ICACTIVER 0x380
#define GICD_IPRIORITYR 0x400
#define GICD_SGIR 0xf00
#define GICD_PIDR2_V2 0x0fe8
#define GICD_PIDR2_V3 0xffe8

#define GICC_BASE 0x08010000ul
#define GICC_CTLR 0x000
#define GICC_PMR 0x004
#define GICC_IAR 0x00c
#define GICC_EOIR 0x010
#define GICC_DIR 0x1000

#define GICR_BASE 0x080a0000ul
#define GICR_SGI_BASE (GICR_BASE + 0x10000) /* the frame with the SGI and PPI registers, at GICD's offsets */
#define GICR_WAKER 0x014

/* Interrupts of the virt board that are private to a CPU. */
#define INTID_MAINTENANCE 25
#define INTID_HYPERVISOR_TIMER 26
#define INTID_VIRTUAL_TIMER 27
#define INTID_SPURIOUS 1023

enum gic_group { GIC_FIQ = 0, GIC_IRQ = 1 };

struct gic_driver {
  unsigned version;
  void (*init)(void);
  u32 (*acknowledge)(enum gic_group);
  void (*drop_priority)(enum gic_group, u32 intid);
  void (*deactivate)(u32 intid);
  void (*send_self)(enum gic_group, u32 sgi);
  u64 private_registers; /* where GICD_ISENABLER0 and its neighbours of SGIs and PPIs are */
};

extern const struct gic_driver gic_v2, gic_v3;
extern const struct gic_driver *gic;

/* Find out which controller there is, and bring it up with every interrupt disabled. */
void gic_init(void);
/* Enable an SGI or PPI with a priority: smaller is more urgent. */
void gic_enable(u32 intid, enum gic_group group, u8 priority);
void gic_disable(u32 intid);
void gic_set_active(u32 intid, bool active);

#endif
