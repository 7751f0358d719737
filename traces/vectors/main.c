/*
 * Every entry of an EL2 vector table, exercised once, with a check that no register is lost on the way.
 * Nine entries are reached by a real exception. Seven cannot be on this machine, and are reached by a branch with the
 * state that an exception would have left: the three SErrors, which nothing on the board raises towards EL2, and the
 * four of a lower EL in AArch32. Then EL1 takes the three virtual exceptions that HCR_EL2.VI, VF and VSE make.
 */
#include "exception.h"
#include "gic.h"
#include "hypercalls.h"
#include "print.h"
#include "sysreg.h"

#define HCR_VF (1ul << 6)
#define HCR_VI (1ul << 7)
#define HCR_VSE (1ul << 8)
#define HCR_FMO (1ul << 3)
#define HCR_IMO (1ul << 4)
#define HCR_AMO (1ul << 5)
#define HCR_RW (1ul << 31)
#define HCR_ROUTE_TO_EL2 (HCR_RW | HCR_FMO | HCR_IMO | HCR_AMO)

#define SGI_IRQ 1
#define SGI_FIQ 2
#define TIMER_TICKS 50
#define NZCV_PATTERN 0xa0000000ul

extern char el2_vectors[], el1_vectors[], el1_finished[];
extern void sync_at_el2_on_sp0(void), interrupt_at_el2_on_sp0(void);
extern void sync_at_el2_on_spx(void), interrupt_at_el2_on_spx(void);
extern void branch_to_3(void), branch_to_7(void), branch_to_11(void), branch_to_12(void);
extern void branch_to_13(void), branch_to_14(void), branch_to_15(void);
extern void el1_sync_body(void), el1_spin_body(void), el1_virtual_body(void);
extern void run_at_el1(void (*body)(void), u64 spsr);

u64 captured[32]; /* x0 to x30 and NZCV after an exercise; exercise.S fills it */
static unsigned el2_taken[16], el1_taken[16];
static u64 last_esr, last_intid;

static void take_interrupt(enum gic_group group, struct exception_frame *frame, unsigned entry)
{
  last_intid = gic->acknowledge(group);
  if (last_intid == INTID_HYPERVISOR_TIMER)
    write_sysreg(CNTHP_CTL_EL2, 0);
  gic->drop_priority(group, last_intid);
  gic->deactivate(last_intid);
  if (entry >= VECTOR_LOWER_64)
    frame->elr += 4; /* out of the loop at EL1 */
}

static void take_hypercall(struct exception_frame *frame)
{
  switch (frame->esr & 0xffff) {
  case HVC_FINISHED:
    frame->elr = (u64)el1_finished;
    frame->spsr = SPSR_EL2H | SPSR_DAIF;
    break;
  case HVC_CLEAR_VIRTUAL_IRQ: write_sysreg(HCR_EL2, read_sysreg(HCR_EL2) & ~HCR_VI); break;
  case HVC_CLEAR_VIRTUAL_FIQ: write_sysreg(HCR_EL2, read_sysreg(HCR_EL2) & ~HCR_VF); break;
  }
}

/* Called by table.S for every exception to EL2, and by the exercises that branch to an entry. */
void el2_exception(unsigned entry, struct exception_frame *frame)
{
  bool hypercall = entry == (VECTOR_LOWER_64 | VECTOR_SYNC) && ESR_EC(frame->esr) == 0x16;
  if (!hypercall || (frame->esr & 0xffff) == HVC_EXERCISE)
    el2_taken[entry]++;
  last_esr = frame->esr;
  if (entry >= VECTOR_LOWER_32 || (entry & 3) == VECTOR_SERROR)
    return;
  if ((entry & 3) == VECTOR_IRQ)
    take_interrupt(GIC_IRQ, frame, entry);
  else if ((entry & 3) == VECTOR_FIQ)
    take_interrupt(GIC_FIQ, frame, entry);
  else if (hypercall)
    take_hypercall(frame);
  else
    frame->elr += 4; /* BRK's preferred return address is the BRK itself */
}

void el1_exception(unsigned entry, struct exception_frame *frame)
{
  el1_taken[entry]++;
  last_esr = frame->esr;
  if ((entry & 3) == VECTOR_IRQ)
    asm volatile("hvc %0" : : "i"(HVC_CLEAR_VIRTUAL_IRQ) : "memory");
  else if ((entry & 3) == VECTOR_FIQ)
    asm volatile("hvc %0" : : "i"(HVC_CLEAR_VIRTUAL_FIQ) : "memory");
}

static unsigned entries_right, registers_kept;

static void report(const char *what, const char *how, bool right)
{
  unsigned changed = 0;
  for (unsigned n = 0; n < 31; n++)
    changed += captured[n] != (0xfeed000000000100ul | n);
  changed += captured[31] != NZCV_PATTERN;
  entries_right += right;
  registers_kept += changed == 0;
  print("  %s  %s  %s", what, right ? "entered" : "NOT ENTERED", how);
  if (changed)
    print("  %u registers CHANGED", changed);
  print("\n");
  for (unsigned n = 0; n < array_length(captured); n++)
    captured[n] = 0;
}

static void start_timer(enum gic_group group)
{
  gic_enable(INTID_HYPERVISOR_TIMER, group, 0x80);
  write_sysreg(CNTHP_TVAL_EL2, TIMER_TICKS);
  write_sysreg(CNTHP_CTL_EL2, 1);
  isb();
}

static void exercise_current_el(void)
{
  sync_at_el2_on_sp0();
  report("0x000 current EL, SP_EL0, synchronous", "BRK", el2_taken[0] == 1 && ESR_EC(last_esr) == 0x3c);
  gic->send_self(GIC_IRQ, SGI_IRQ);
  interrupt_at_el2_on_sp0();
  report("0x080 current EL, SP_EL0, IRQ        ", "SGI, group 1", el2_taken[1] == 1 && last_intid == SGI_IRQ);
  gic->send_self(GIC_FIQ, SGI_FIQ);
  interrupt_at_el2_on_sp0();
  report("0x100 current EL, SP_EL0, FIQ        ", "SGI, group 0", el2_taken[2] == 1 && last_intid == SGI_FIQ);
  branch_to_3();
  report("0x180 current EL, SP_EL0, SError     ", "branch", el2_taken[3] == 1);

  sync_at_el2_on_spx();
  report("0x200 current EL, SP_EL2, synchronous", "BRK", el2_taken[4] == 1 && ESR_EC(last_esr) == 0x3c);
  gic->send_self(GIC_IRQ, SGI_IRQ);
  interrupt_at_el2_on_spx();
  report("0x280 current EL, SP_EL2, IRQ        ", "SGI, group 1", el2_taken[5] == 1 && last_intid == SGI_IRQ);
  gic->send_self(GIC_FIQ, SGI_FIQ);
  interrupt_at_el2_on_spx();
  report("0x300 current EL, SP_EL2, FIQ        ", "SGI, group 0", el2_taken[6] == 1 && last_intid == SGI_FIQ);
  branch_to_7();
  report("0x380 current EL, SP_EL2, SError     ", "branch", el2_taken[7] == 1);
}

static void exercise_lower_el(void)
{
  run_at_el1(el1_sync_body, SPSR_EL1H | SPSR_DAIF);
  report("0x400 lower EL, AArch64, synchronous ", "HVC", el2_taken[8] == 1);
  start_timer(GIC_IRQ);
  run_at_el1(el1_spin_body, SPSR_EL1H | SPSR_DAIF);
  report("0x480 lower EL, AArch64, IRQ         ", "timer, group 1",
         el2_taken[9] == 1 && last_intid == INTID_HYPERVISOR_TIMER);
  start_timer(GIC_FIQ);
  run_at_el1(el1_spin_body, SPSR_EL1H | SPSR_DAIF);
  report("0x500 lower EL, AArch64, FIQ         ", "timer, group 0",
         el2_taken[10] == 1 && last_intid == INTID_HYPERVISOR_TIMER);
  branch_to_11();
  report("0x580 lower EL, AArch64, SError      ", "branch", el2_taken[11] == 1);
  branch_to_12();
  report("0x600 lower EL, AArch32, synchronous ", "branch", el2_taken[12] == 1);
  branch_to_13();
  report("0x680 lower EL, AArch32, IRQ         ", "branch", el2_taken[13] == 1);
  branch_to_14();
  report("0x700 lower EL, AArch32, FIQ         ", "branch", el2_taken[14] == 1);
  branch_to_15();
  report("0x780 lower EL, AArch32, SError      ", "branch", el2_taken[15] == 1);
}

/* One virtual exception at EL1; EL1's own vector takes it at the MSR DAIFClr of its body. */
static bool exercise_virtual(u64 hcr_bit, unsigned type)
{
  write_sysreg(HCR_EL2, HCR_ROUTE_TO_EL2 | hcr_bit);
  run_at_el1(el1_virtual_body, SPSR_EL1H | SPSR_DAIF);
  bool cleared = !(read_sysreg(HCR_EL2) & hcr_bit);
  return el1_taken[VECTOR_CURRENT_SPX | type] == 1 && cleared;
}

int main(void)
{
  write_sysreg(VBAR_EL2, el2_vectors);
  write_sysreg(VBAR_EL1, el1_vectors);
  write_sysreg(HCR_EL2, HCR_ROUTE_TO_EL2);
  isb();
  gic_init();
  gic_enable(SGI_IRQ, GIC_IRQ, 0x80);
  gic_enable(SGI_FIQ, GIC_FIQ, 0x80);
  print("vectors: GICv%u\nEL2\n", gic->version);
  exercise_current_el();
  exercise_lower_el();
  print("EL1\n");
  report("0x280 current EL, SP_EL1, virtual IRQ   ", "HCR_EL2.VI", exercise_virtual(HCR_VI, VECTOR_IRQ));
  report("0x300 current EL, SP_EL1, virtual FIQ   ", "HCR_EL2.VF", exercise_virtual(HCR_VF, VECTOR_FIQ));
  report("0x380 current EL, SP_EL1, virtual SError", "HCR_EL2.VSE", exercise_virtual(HCR_VSE, VECTOR_SERROR));
  print("vectors: %u of 19 entries right, registers kept in %u of 19\n", entries_right, registers_kept);
  return 0;
}
