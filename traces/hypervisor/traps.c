/* Trapped system registers, hypercalls, and exceptions that are handed back to the guest. */
#include "hypercall.h"
#include "hypervisor.h"
#include "print.h"
#include "psci.h"
#include "sysreg.h"

/* A register's name as it stands in ESR_EL2.ISS of a trapped MSR or MRS, without Rt and direction (D17.2.37). */
#define SYSREG(op0, op1, crn, crm, op2) ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)
#define SYSREG_MASK 0x3ffc1eu
#define ISS_READ 1u

#define SCTLR_EL1_KEY SYSREG(3, 0, 1, 0, 0)
#define ACTLR_EL1_KEY SYSREG(3, 0, 1, 0, 1)
#define CNTPCT_EL0_KEY SYSREG(3, 3, 14, 0, 1)
#define ICC_SGI1R_EL1_KEY SYSREG(3, 0, 12, 11, 5)
#define SCTLR_M 1ul

/* The registers that HCR_EL2.TVM traps, besides SCTLR_EL1: written through. */
#define TVM_REGISTERS(X)                                                                    \
  X(TTBR0_EL1, SYSREG(3, 0, 2, 0, 0)) X(TTBR1_EL1, SYSREG(3, 0, 2, 0, 1))                   \
  X(TCR_EL1, SYSREG(3, 0, 2, 0, 2)) X(AFSR0_EL1, SYSREG(3, 0, 5, 1, 0))                     \
  X(AFSR1_EL1, SYSREG(3, 0, 5, 1, 1)) X(ESR_EL1, SYSREG(3, 0, 5, 2, 0))                     \
  X(FAR_EL1, SYSREG(3, 0, 6, 0, 0)) X(MAIR_EL1, SYSREG(3, 0, 10, 2, 0))                     \
  X(AMAIR_EL1, SYSREG(3, 0, 10, 3, 0)) X(CONTEXTIDR_EL1, SYSREG(3, 0, 13, 0, 1))

void inject_undefined(struct exception_frame *frame)
{
  bool from_el0 = (frame->spsr & 0xf) == SPSR_EL0T;
  write_sysreg(ELR_EL1, frame->elr);
  write_sysreg(SPSR_EL1, frame->spsr);
  write_sysreg(ESR_EL1, 1u << 25); /* EC 0, IL 1 */
  frame->elr = read_sysreg(VBAR_EL1) + (from_el0 ? 0x400 : 0x200);
  frame->spsr = SPSR_EL1H | SPSR_DAIF;
}

/* What a guest sees of the CPU: AArch64 at EL0 and EL1 only, and no optional feature but the address sizes. */
static u64 id_register(u32 key)
{
  switch (key) {
  case SYSREG(3, 0, 0, 4, 0): return 0xff0011; /* ID_AA64PFR0_EL1: no FP, no Advanced SIMD */
  case SYSREG(3, 0, 0, 5, 0): return 6;        /* ID_AA64DFR0_EL1: Armv8 debug */
  case SYSREG(3, 0, 0, 7, 0): return read_sysreg(ID_AA64MMFR0_EL1);
  default: return 0;
  }
}

static bool is_id_register(u32 key)
{
  u32 crm = (key >> 1) & 0xf;
  return (key & ~SYSREG(0, 0, 0, 15, 7)) == SYSREG(3, 0, 0, 0, 0) && crm >= 1 && crm <= 7;
}

static bool read_register(u32 key, u64 *value)
{
  if (is_id_register(key))
    *value = id_register(key);
  else if (key == ACTLR_EL1_KEY)
    *value = current->actlr;
  else if (key == CNTPCT_EL0_KEY)
    *value = read_sysreg(CNTPCT_EL0) - current->timer_offset;
  else
    return false;
  return true;
}

static bool write_register(u32 key, u64 value)
{
  switch (key) {
#define WRITE_THROUGH(name, register_key) \
  case register_key: write_sysreg(name, value); return true;
    TVM_REGISTERS(WRITE_THROUGH)
  case SCTLR_EL1_KEY:
    write_sysreg(SCTLR_EL1, value);
    if (value & SCTLR_M) {
      current->hcr &= ~HCR_TVM;
      write_sysreg(HCR_EL2, current->hcr);
    }
    return true;
  case ACTLR_EL1_KEY: current->actlr = value; return true;
  case ICC_SGI1R_EL1_KEY:
    vgic_inject(&current->vgic, (value >> 24) & 0xf);
    vgic_fill(&current->vgic);
    return true;
  default: return false;
  }
}

void take_trapped_access(struct exception_frame *frame)
{
  u32 iss = ESR_ISS(frame->esr), key = iss & SYSREG_MASK, rt = (iss >> 5) & 31;
  u64 value = 0;
  bool known;
  if (iss & ISS_READ) {
    known = read_register(key, &value);
    if (known && rt != 31)
      frame->x[rt] = value;
  } else {
    known = write_register(key, rt == 31 ? 0 : frame->x[rt]);
  }
  if (known)
    frame->elr += 4;
  else
    inject_undefined(frame);
}

/* All but HVC_GET_TIME, which vectors.S answers. */
void take_hypercall(struct exception_frame *frame)
{
  u64 function = frame->x[0];
  frame->x[0] = 0;
  switch (function) {
  case HVC_YIELD: yield(frame); break;
  case HVC_PRINT: {
    const char *message = guest_string(current, frame->x[1], frame->x[2]);
    if (message)
      print("guest %u: %s\n", current->id, message);
    else
      frame->x[0] = SMCCC_NOT_SUPPORTED;
    break;
  }
  case HVC_STATISTIC: keep_statistic(frame->x[1], frame->x[2]); break;
  case HVC_SEAL: frame->x[0] = seal(current, frame->x[1], frame->x[2]) ? 0 : SMCCC_NOT_SUPPORTED; break;
  default: frame->x[0] = SMCCC_NOT_SUPPORTED;
  }
}

void take_psci_call(struct exception_frame *frame)
{
  switch ((u32)frame->x[0]) {
  case PSCI_VERSION: frame->x[0] = 0x10001; break;
  case PSCI_SYSTEM_OFF:
    print("hypervisor: guest %u is off\n", current->id);
    stop_guest(frame);
    break;
  default: frame->x[0] = SMCCC_NOT_SUPPORTED;
  }
}
