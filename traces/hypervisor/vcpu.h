/* A guest, which has one virtual CPU, and everything of it that the hypervisor keeps. */
#ifndef VCPU_H
#define VCPU_H

#include "exception.h"
#include "types.h"
#include "vgic.h"

#define GUESTS 2
#define LINE_LENGTH 120

/* The EL1 state that both guests use in turn: saved and restored at each switch. */
#define EL1_REGISTERS(X)                                                                              \
  X(SP_EL0) X(SP_EL1) X(ELR_EL1) X(SPSR_EL1) X(SCTLR_EL1) X(CPACR_EL1) X(TTBR0_EL1) X(TTBR1_EL1)      \
  X(TCR_EL1) X(MAIR_EL1) X(AMAIR_EL1) X(VBAR_EL1) X(ESR_EL1) X(FAR_EL1) X(AFSR0_EL1) X(AFSR1_EL1)     \
  X(CONTEXTIDR_EL1) X(TPIDR_EL0) X(TPIDRRO_EL0) X(TPIDR_EL1) X(PAR_EL1) X(CSSELR_EL1) X(CNTKCTL_EL1)

#define DECLARE_INDEX(name) INDEX_##name,
enum { EL1_REGISTERS(DECLARE_INDEX) EL1_REGISTER_COUNT };

enum vcpu_state { RUNNABLE, WAITING, OFF };
enum exit_reason { EXIT_HYPERCALL, EXIT_PSCI, EXIT_MMIO, EXIT_SYSREG, EXIT_WFI, EXIT_SLICE, EXIT_TIMER, EXIT_MAINTENANCE, EXIT_REASONS };

struct vcpu {
  u64 timer_offset; /* CNTVOFF_EL2; first, for vectors.S */
  unsigned id; /* 1 or 2: also the VMID */
  enum vcpu_state state;
  struct exception_frame frame; /* while it is not the one that runs */
  u64 el1[EL1_REGISTER_COUNT];
  u64 hcr;
  u64 vttbr;
  u64 stage2_root;
  u64 actlr;
  u64 timer_control, timer_compare;
  struct vgic vgic;
  char line[LINE_LENGTH];
  unsigned line_used;
  unsigned exits[EXIT_REASONS];
};

extern struct vcpu guests[GUESTS];
extern struct vcpu *current;

#define HCR_VM (1ul << 0)
#define HCR_SWIO (1ul << 1)
#define HCR_FMO (1ul << 3)
#define HCR_IMO (1ul << 4)
#define HCR_AMO (1ul << 5)
#define HCR_TWI (1ul << 13)
#define HCR_TID3 (1ul << 18)
#define HCR_TSC (1ul << 19)
#define HCR_TACR (1ul << 21)
#define HCR_TVM (1ul << 26)
#define HCR_RW (1ul << 31)

#endif
