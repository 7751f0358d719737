/* A guest that leaves for its hypervisor about every thousand instructions, by one of four kinds of exit in turn. */
#include "bench.h"
#include "exception.h"
#include "psci.h"
#include "sysreg.h"

#define EXITS 400000
#define WORK_STEPS 200 /* of five instructions each, between exits */

#define HCR_VM (1ul << 0)
#define HCR_TWI (1ul << 13)
#define HCR_TACR (1ul << 21)
#define HCR_RW (1ul << 31)
#define VTCR_RES1 (1ul << 31)
#define VTCR_PS_40 (2ul << 16)
#define VTCR_START_LEVEL_1 (1ul << 6)
#define DEVICE 0x0a000000ul /* nothing is mapped there at stage 2 */

enum kind { HYPERCALL, MMIO, SYSREG, WAIT, KINDS };

extern char vectors[];
extern _Noreturn void enter_guest(void (*entry)(void), u64 spsr, u64 stack);
static u32 exits[KINDS];
static u64 device_register;
static u8 guest_stack[4096] __attribute__((aligned(16)));

static void finish(u64 result)
{
  print("exits: hypercall %u, mmio %u, sysreg %u, wfi %u, result %016lx\n", exits[HYPERCALL], exits[MMIO], exits[SYSREG],
        exits[WAIT], result);
  power_off();
}

static void take_mmio(struct exception_frame *frame)
{
  u32 iss = ESR_ISS(frame->esr), rt = (iss >> 16) & 31;
  if (iss & (1u << 6))
    device_register = rt == 31 ? 0 : frame->x[rt];
  else if (rt != 31)
    frame->x[rt] = device_register;
  frame->elr += 4;
}

/* vectors.S calls this for every exception to EL2. */
void take_exception(unsigned entry, struct exception_frame *frame)
{
  u32 class = ESR_EC(frame->esr);
  if (entry != (VECTOR_LOWER_64 | VECTOR_SYNC)) {
    print("exits: unexpected vector %u, ESR %08lx ELR %016lx\n", entry, frame->esr, frame->elr);
    power_off();
  }
  switch (class) {
  case 0x01:
    exits[WAIT]++;
    frame->elr += 4;
    break;
  case 0x16:
    exits[HYPERCALL]++;
    if (frame->x[0] == 0)
      finish(frame->x[1]);
    frame->x[0] += 1;
    break;
  case 0x18:
    exits[SYSREG]++;
    frame->x[(frame->esr >> 5) & 31] = 0xac;
    frame->elr += 4;
    break;
  case 0x24:
    exits[MMIO]++;
    take_mmio(frame);
    break;
  default: finish(frame->esr);
  }
}

static u64 hypercall(u64 a, u64 b)
{
  register u64 x0 asm("x0") = a;
  register u64 x1 asm("x1") = b;
  asm volatile("hvc #0" : "+r"(x0) : "r"(x1) : "memory");
  return x0;
}

static void guest_main(void)
{
  u64 sum = 1;
  for (u32 n = 0; n < EXITS; n++) {
    for (u32 step = 0; step < WORK_STEPS; step++) {
      sum = sum * 3 + step;
      asm volatile("" : "+r"(sum)); /* one step after the other, as written */
    }
    switch (n % KINDS) {
    case HYPERCALL: sum += hypercall(1, n); break;
    case MMIO:
      mmio_write32(DEVICE, (u32)sum);
      break;
    case SYSREG: sum += read_sysreg(ACTLR_EL1); break;
    case WAIT: wfi(); break;
    }
  }
  hypercall(0, sum);
}

int main(void)
{
  enable_mmu();
  u64 stage2 = allocate_table(&bench_pool);
  map_range(stage2, &bench_pool, 0x40000000, 0x40000000, 0x10000000, S2_NORMAL | S2_READ | S2_WRITE);
  write_sysreg(VBAR_EL2, vectors);
  write_sysreg(VTCR_EL2, VTCR_RES1 | VTCR_PS_40 | VTCR_START_LEVEL_1 | TCR_T0SZ_39 | TCR_T0_WALKS);
  write_sysreg(VTTBR_EL2, 1ul << 48 | stage2);
  write_sysreg(HCR_EL2, HCR_VM | HCR_TWI | HCR_TACR | HCR_RW);
  write_sysreg(SCTLR_EL1, 0x30d00800);
  isb();
  asm volatile("tlbi alle1; dsb ish; isb" : : : "memory");
  enter_guest(guest_main, SPSR_EL1H | SPSR_DAIF, (u64)guest_stack + sizeof guest_stack);
}
