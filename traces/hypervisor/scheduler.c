/* Who runs: time slices, world switches, waiting guests and the end. */
#include "gic.h"
#include "hypervisor.h"
#include "print.h"
#include "psci.h"
#include "sysreg.h"

#define SLICE_TICKS 25000 /* 0.4 ms at 62.5 MHz */
#define TIMER_ENABLE 1ul
#define TIMER_MASKED 2ul

struct vcpu guests[GUESTS];
struct vcpu *current;
static unsigned switches;

static u64 now(void)
{
  isb(); /* or the counter may be read early (D11.2.1) */
  return read_sysreg(CNTPCT_EL0);
}

static void set_hypervisor_timer(u64 when)
{
  write_sysreg(CNTHP_CVAL_EL2, when);
  write_sysreg(CNTHP_CTL_EL2, TIMER_ENABLE);
  isb();
}

static void save_world(struct vcpu *vcpu)
{
#define SAVE(name) vcpu->el1[INDEX_##name] = read_sysreg(name);
  EL1_REGISTERS(SAVE)
  vcpu->timer_control = read_sysreg(CNTV_CTL_EL0);
  vcpu->timer_compare = read_sysreg(CNTV_CVAL_EL0);
  write_sysreg(CNTV_CTL_EL0, 0);
  isb();
  vgic_save(&vcpu->vgic);
}

static void load_world(struct vcpu *vcpu)
{
  write_sysreg(HCR_EL2, vcpu->hcr);
  write_sysreg(VTTBR_EL2, vcpu->vttbr);
#define LOAD(name) write_sysreg(name, vcpu->el1[INDEX_##name]);
  EL1_REGISTERS(LOAD)
  vgic_load(&vcpu->vgic);
  write_sysreg(CNTVOFF_EL2, vcpu->timer_offset);
  write_sysreg(CNTV_CVAL_EL0, vcpu->timer_compare);
  write_sysreg(CNTV_CTL_EL0, vcpu->timer_control);
  isb();
}

/* When the virtual timer of a guest that does not run will fire; ~0: never. */
static u64 deadline(const struct vcpu *vcpu)
{
  if ((vcpu->timer_control & (TIMER_ENABLE | TIMER_MASKED)) != TIMER_ENABLE)
    return ~0ul;
  return vcpu->timer_compare + vcpu->timer_offset;
}

static bool can_run(const struct vcpu *vcpu)
{
  if (vcpu->state != WAITING)
    return vcpu->state == RUNNABLE;
  return vgic_has_pending(&vcpu->vgic) || deadline(vcpu) <= now();
}

static _Noreturn void finish(void)
{
  static const char *const names[EXIT_REASONS] = {"hypercall", "psci",  "mmio",   "sysreg",
                                                  "wfi",       "slice", "vtimer", "maintenance"};
  for (unsigned n = 0; n < GUESTS; n++) {
    print("hypervisor: guest %u:", guests[n].id);
    for (unsigned reason = 0; reason < EXIT_REASONS; reason++)
      print(" %s %u", names[reason], guests[n].exits[reason]);
    print("\n");
  }
  print("hypervisor: %u switches, all guests are off\n", switches);
  power_off();
}

/* Nobody can run: sleep until the first virtual timer among the waiting guests. Interrupts stay masked at EL2; one that
 * is pending still ends the WFI. */
static void idle(void)
{
  u64 first = ~0ul;
  for (unsigned n = 0; n < GUESTS; n++)
    if (guests[n].state == WAITING && deadline(&guests[n]) < first)
      first = deadline(&guests[n]);
  if (first == ~0ul)
    write_sysreg(CNTHP_CTL_EL2, 0);
  else
    set_hypervisor_timer(first);
  wfi();
  u32 intid = gic->acknowledge(GIC_IRQ);
  if (intid == INTID_SPURIOUS)
    return;
  write_sysreg(CNTHP_CTL_EL2, 0);
  gic->drop_priority(GIC_IRQ, intid);
  gic->deactivate(intid);
}

static struct vcpu *choose_next(void)
{
  for (;;) {
    bool alive = false;
    for (unsigned n = 0; n < GUESTS; n++) {
      struct vcpu *candidate = &guests[(current - guests + 1 + n) % GUESTS];
      alive |= candidate->state != OFF;
      if (can_run(candidate))
        return candidate;
    }
    if (!alive)
      finish();
    idle();
  }
}

/* Put the current guest's world away and bring in the next one's; it may be the same one. */
static void switch_guest(struct exception_frame *frame)
{
  current->frame = *frame;
  save_world(current);
  struct vcpu *next = choose_next();
  switches += next != current;
  next->state = RUNNABLE;
  current = next;
  load_world(next);
  *frame = next->frame;
  set_hypervisor_timer(now() + SLICE_TICKS);
}

void wait_for_interrupt(struct exception_frame *frame)
{
  current->state = WAITING;
  switch_guest(frame);
}

void yield(struct exception_frame *frame) { switch_guest(frame); }

void stop_guest(struct exception_frame *frame)
{
  current->state = OFF;
  switch_guest(frame);
}

void take_interrupt(struct exception_frame *frame)
{
  u32 intid = gic->acknowledge(GIC_IRQ);
  if (intid == INTID_SPURIOUS)
    return;
  gic->drop_priority(GIC_IRQ, intid);
  switch (intid) {
  case INTID_VIRTUAL_TIMER:
    current->exits[EXIT_TIMER]++;
    /* Stays active: the guest's own EOI deactivates it through the list register (HW = 1). */
    vgic_inject(&current->vgic, intid);
    vgic_fill(&current->vgic);
    break;
  case INTID_MAINTENANCE:
    current->exits[EXIT_MAINTENANCE]++;
    vgic_fill(&current->vgic); /* underflow: there is room now for what had to wait */
    gic->deactivate(intid);
    break;
  case INTID_HYPERVISOR_TIMER:
    current->exits[EXIT_SLICE]++;
    write_sysreg(CNTHP_CTL_EL2, 0);
    isb();
    gic->deactivate(intid);
    switch_guest(frame);
    break;
  default: panic("unexpected interrupt", frame);
  }
}

void start_guests(void)
{
  gic_enable(INTID_HYPERVISOR_TIMER, GIC_IRQ, 0x40);
  gic_enable(INTID_MAINTENANCE, GIC_IRQ, 0x40);
  gic_enable(INTID_VIRTUAL_TIMER, GIC_IRQ, 0x80);
  for (unsigned n = 0; n < GUESTS; n++)
    guests[n].timer_offset = now();
  current = &guests[0];
  load_world(current);
  set_hypervisor_timer(now() + SLICE_TICKS);
  enter_guest(&current->frame);
}
