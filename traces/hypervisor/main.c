/*
 * A small type-1 hypervisor: two guests on one CPU, scheduled round robin by the EL2 timer. Each has its own stage 2
 * and VMID, a trapped PL011, a virtual interrupt controller on the hardware's list registers and its own virtual timer.
 * It powers the machine off when both guests have.
 */
#include "gic.h"
#include "hypervisor.h"
#include "layout.h"
#include "print.h"
#include "psci.h"
#include "sysreg.h"

#define CPTR_RES1_AND_TFP 0x37fful /* the guests have no floating point */
#define CNTHCTL_NO_EL1_ACCESS 0ul  /* EL1's reads of the physical counter trap */
#define SCTLR_EL1_RES1 0x30d00800ul

extern char el2_vectors[];

static void set_up_guest(unsigned n, u64 ram)
{
  struct vcpu *vcpu = &guests[n];
  _Static_assert(__builtin_offsetof(struct vcpu, timer_offset) == 0, "vectors.S");
  vcpu->id = n + 1;
  vcpu->frame.elr = GUEST_IPA + PAYLOAD_ENTRY;
  vcpu->frame.spsr = SPSR_EL1H | SPSR_DAIF;
  vcpu->el1[INDEX_SCTLR_EL1] = SCTLR_EL1_RES1;
  /* TVM until the guest has turned its MMU on, as KVM does. */
  vcpu->hcr = HCR_VM | HCR_SWIO | HCR_FMO | HCR_IMO | HCR_AMO | HCR_TWI | HCR_TID3 | HCR_TSC | HCR_TACR | HCR_TVM | HCR_RW;
  build_stage2(vcpu, ram);
  vgic_reset(&vcpu->vgic);
}

int main(void)
{
  write_sysreg(VBAR_EL2, el2_vectors);
  enable_el2_mmu();
  gic_init();
  vgic_init();
  print("hypervisor: EL%lu, GICv%u, %u list registers\n", (read_sysreg(CurrentEL) >> 2) & 3, gic->version,
        vgic_list_registers());

  write_sysreg(CPTR_EL2, CPTR_RES1_AND_TFP);
  write_sysreg(CNTHCTL_EL2, CNTHCTL_NO_EL1_ACCESS);
  write_sysreg(VPIDR_EL2, read_sysreg(MIDR_EL1));
  write_sysreg(VMPIDR_EL2, read_sysreg(MPIDR_EL1));
  set_up_guest(0, GUEST_1_PA);
  set_up_guest(1, GUEST_2_PA);
  start_guests();
  return 0;
}

/* An exception from a guest, or a bug of ours. vectors.S calls this with the guest's registers in the frame. */
void el2_exception(unsigned entry, struct exception_frame *frame)
{
  if (entry == (VECTOR_LOWER_64 | VECTOR_IRQ)) {
    take_interrupt(frame);
    return;
  }
  if (entry != (VECTOR_LOWER_64 | VECTOR_SYNC))
    panic(entry < VECTOR_LOWER_64 ? "unexpected exception at EL2" : "unexpected exception from a guest", frame);

  switch (ESR_EC(frame->esr)) {
  case 0x01: /* WFI, WFE */
    current->exits[EXIT_WFI]++;
    frame->elr += 4;
    wait_for_interrupt(frame);
    break;
  case 0x16:
    current->exits[EXIT_HYPERCALL]++;
    take_hypercall(frame);
    break;
  case 0x17: /* a trapped SMC returns to itself, unlike an HVC */
    current->exits[EXIT_PSCI]++;
    frame->elr += 4;
    take_psci_call(frame);
    break;
  case 0x18:
    current->exits[EXIT_SYSREG]++;
    take_trapped_access(frame);
    break;
  case 0x24: {
    current->exits[EXIT_MMIO]++;
    u64 ipa = (read_sysreg(HPFAR_EL2) >> 4 << 12) | (frame->far & 0xfff);
    if (!emulate_mmio(frame, ipa))
      panic("unhandled data abort from a guest", frame);
    break;
  }
  default: panic("unhandled exception from a guest", frame);
  }
}
