/* A guest's side of its virtual GIC and of the virtual timer. */
#include "gic.h"
#include "kernel.h"
#include "sysreg.h"

#define ENABLE_GROUP_0 1u
#define GICC_CTLR_ENABLE 1u
#define LATE (TICK / 64)
#define SGIR_TO_SELF (2u << 24)

static u32 version;
static u64 private_registers;

void interrupts_init(void)
{
  version = (mmio_read32(GICD_BASE + GICD_PIDR2_V2) >> 4) & 0xf;
  if (version == 2) {
    private_registers = GICD_BASE;
    mmio_write32(GICD_BASE + GICD_CTLR, ENABLE_GROUP_0);
    mmio_write32(GICC_BASE + GICC_PMR, 0xf8);
    mmio_write32(GICC_BASE + GICC_CTLR, GICC_CTLR_ENABLE);
  } else {
    version = 3;
    private_registers = GICR_SGI_BASE;
    write_sysreg(ICC_SRE_EL1, 7);
    isb();
    write_sysreg(ICC_PMR_EL1, 0xf8);
    write_sysreg(ICC_IGRPEN1_EL1, 1);
    isb();
  }
  mmio_write8(private_registers + GICD_IPRIORITYR + INTID_VIRTUAL_TIMER, 0x60);
  for (u32 sgi = 0; sgi < 16; sgi++)
    mmio_write8(private_registers + GICD_IPRIORITYR + sgi, 0xa0);
  mmio_write32(private_registers + GICD_ISENABLER, 1u << INTID_VIRTUAL_TIMER);
  asm volatile("msr daifclr, #2" : : : "memory");
}

void send_sgi(u32 sgi)
{
  dsb(ish);
  if (version == 2)
    mmio_write32(GICD_BASE + GICD_SGIR, SGIR_TO_SELF | sgi);
  else
    write_sysreg(ICC_SGI1R_EL1, (u64)sgi << 24 | 1);
  isb();
}

static u32 acknowledge(void)
{
  return version == 2 ? mmio_read32(GICC_BASE + GICC_IAR) & 0x3ff : (u32)read_sysreg(ICC_IAR1_EL1);
}

static void end_of_interrupt(u32 intid)
{
  if (version == 2)
    mmio_write32(GICC_BASE + GICC_EOIR, intid);
  else
    write_sysreg(ICC_EOIR1_EL1, intid);
  isb();
}

/* The next tick is one period after this one was due, however late this one is served. False: late. */
static bool take_tick(void)
{
  u64 due = read_sysreg(CNTV_CVAL_EL0);
  isb();
  bool late = read_sysreg(CNTVCT_EL0) - due > LATE;
  write_sysreg(CNTV_CVAL_EL0, due + TICK);
  isb();
  this_cpu->timer_ticks++;
  return !late;
}

void take_interrupt(void)
{
  u32 intid = acknowledge();
  if (intid >= 1020)
    return;
  if (intid != INTID_VIRTUAL_TIMER) {
    this_cpu->sgis_taken[intid & 15]++;
  } else if (!take_tick()) {
    this_cpu->late_ticks++;
#ifdef BUG_NO_EOI
    return;
#endif
  }
  end_of_interrupt(intid);
}

void start_timer(void)
{
  isb();
  write_sysreg(CNTV_CVAL_EL0, read_sysreg(CNTVCT_EL0) + TICK);
  write_sysreg(CNTV_CTL_EL0, 1);
  isb();
}

void stop_timer(void)
{
  write_sysreg(CNTV_CTL_EL0, 0);
  isb();
}

/* Interrupts are masked between the look at the counter and the WFI, or the tick could slip in between and be missed. */
void sleep_until_tick(u32 tick)
{
  for (;;) {
    asm volatile("msr daifset, #2" : : : "memory");
    bool reached = this_cpu->timer_ticks >= tick;
    if (!reached)
      wfi();
    asm volatile("msr daifclr, #2; isb" : : : "memory");
    if (reached)
      return;
  }
}
