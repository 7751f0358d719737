/* The list registers of a GICv3: ICH_* system registers (IHI 0069, chapter 6). */
#include "sysreg.h"
#include "vgic.h"

#define HCR_EN 1ul
#define HCR_UIE 2ul
#define LR_GROUP1 (1ul << 60)
#define LR_HARDWARE (1ul << 61)

static unsigned count(void) { return (read_sysreg(ICH_VTR_EL2) & 0x1f) + 1; }

static u64 read(unsigned n)
{
  switch (n) {
  case 0: return read_sysreg(ICH_LR0_EL2);
  case 1: return read_sysreg(ICH_LR1_EL2);
  case 2: return read_sysreg(ICH_LR2_EL2);
  default: return read_sysreg(ICH_LR3_EL2);
  }
}

static void write(unsigned n, u64 value)
{
  switch (n) {
  case 0: write_sysreg(ICH_LR0_EL2, value); break;
  case 1: write_sysreg(ICH_LR1_EL2, value); break;
  case 2: write_sysreg(ICH_LR2_EL2, value); break;
  default: write_sysreg(ICH_LR3_EL2, value); break;
  }
}

static u64 encode(u32 intid, u8 priority, bool hardware)
{
  u64 value = LR_GROUP1 | (u64)priority << 48 | intid;
  return hardware ? value | LR_HARDWARE | (u64)intid << 32 : value;
}

static u32 intid(u64 value) { return (u32)value; }

static void control(bool underflow)
{
  write_sysreg(ICH_HCR_EL2, underflow ? HCR_EN | HCR_UIE : HCR_EN);
  isb();
}

static u64 read_vmcr(void) { return read_sysreg(ICH_VMCR_EL2); }
static void write_vmcr(u64 value) { write_sysreg(ICH_VMCR_EL2, value); }
static u64 read_active(void) { return read_sysreg(ICH_AP1R0_EL2); }
static void write_active(u64 value) { write_sysreg(ICH_AP1R0_EL2, value); }

const struct list_register_driver list_registers_v3 = {
    .count = count,
    .read = read,
    .write = write,
    .encode = encode,
    .intid = intid,
    .state_shift = 62,
    .control = control,
    .read_vmcr = read_vmcr,
    .write_vmcr = write_vmcr,
    .read_active_priorities = read_active,
    .write_active_priorities = write_active,
};
