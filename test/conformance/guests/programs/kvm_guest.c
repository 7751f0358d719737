/*
 * What the guest of KVM does: everything that makes a hypervisor work. Hypercalls, MMIO that goes to user space, WFI until the virtual
 * timer, SGIs to itself, first touches of pages, trapped system registers, and arithmetic in vector registers across all that.
 */
#include "digests.h"
#include "numeric.h"

enum {
  CONSOLE = 0x09000000,
  GICD = 0x08000000,
  GICC = 0x08010000,
  GICR_SGI = 0x080b0000,
  TIMER_INTID = 27,
  SGI_INTID = 5,
  PAGES = 200,
};
#define PSCI_VERSION 0x84000000ull
#define PSCI_SYSTEM_OFF 0x84000008ull
#define SMCCC_VERSION 0x80000000ull
/* ID_AA64MMFR0_EL1.BigEnd, which QEMU has and Hindsight has not: the sum is the same in both. */
#define BIG_ENDIAN_SUPPORT 0xf00ull
#define ROUNDS 500
#define DIGEST_ROUNDS 5
/* Ticks between the interrupts that come while digests are computed. */
#define DIGEST_TICKS 3000

#define read_register(name) ({ uint64_t value_; asm volatile("mrs %0, " name : "=r"(value_)); value_; })
#define write_register(name, value) asm volatile("msr " name ", %0\n\tisb" : : "r"((uint64_t)(value)))

uint64_t hypercall(uint64_t function);
static volatile unsigned timer_interrupts, sgis, rearm_after;
static int gic;

static void write32(uint64_t address, uint32_t value)
{
  asm volatile("str %w0, [%1]" : : "r"(value), "r"(address) : "memory");
}
static uint32_t read32(uint64_t address)
{
  uint32_t value;
  asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return value;
}

static void print(const char *text)
{
  while (*text) write32(CONSOLE, (unsigned char)*text++);
}
static void print_number(const char *name, uint64_t value)
{
  print(name);
  for (int shift = 60; shift >= 0; shift -= 4) write32(CONSOLE, "0123456789abcdef"[value >> shift & 15]);
  print("\n");
}

/* As programs/digests_main.c prints them, while interrupts keep taking the CPU away. */
static void print_digests(void)
{
  rearm_after = DIGEST_TICKS;
  write_register("cntv_tval_el0", DIGEST_TICKS);
  write_register("cntv_ctl_el0", 1);
  for (unsigned i = 0; i < DIGESTS; i++) {
    uint64_t digest = digests[i].compute(DIGEST_ROUNDS);
    print("digest ");
    print(digests[i].name);
    print_number(" 5 ", digest);
  }
  rearm_after = 0;
}

static void gic_start(void)
{
  if (gic == 3) {
    write32(GICD, 0x12); /* affinity routing, group 1 */
    write32(GICR_SGI + 0x80, 0xffffffff);
    write32(GICR_SGI + 0x100, 1u << TIMER_INTID | 1u << SGI_INTID);
    write_register("s3_0_c12_c12_5", 7); /* ICC_SRE_EL1 */
    write_register("s3_0_c4_c6_0", 0xf0); /* ICC_PMR_EL1 */
    write_register("s3_0_c12_c12_7", 1); /* ICC_IGRPEN1_EL1 */
  } else {
    write32(GICD, 1);
    write32(GICD + 0x100, 1u << TIMER_INTID | 1u << SGI_INTID);
    write32(GICC + 4, 0xf0);
    write32(GICC, 1);
  }
}

void guest_interrupt(void)
{
  uint32_t intid = gic == 3 ? (uint32_t)read_register("s3_0_c12_c12_0") : read32(GICC + 12);
  if ((intid & 0x3ff) == TIMER_INTID) {
    timer_interrupts++;
    if (rearm_after) write_register("cntv_tval_el0", rearm_after);
    else write_register("cntv_ctl_el0", 0);
  } else if ((intid & 0x3ff) == SGI_INTID) {
    sgis++;
  }
  if (gic == 3) write_register("s3_0_c12_c12_1", intid);
  else write32(GICC + 16, intid);
}

void guest_unexpected(uint64_t kind, uint64_t esr, uint64_t elr)
{
  (void)kind;
  print_number("unexpected exception, ESR ", esr);
  print_number("ELR ", elr);
  hypercall(PSCI_SYSTEM_OFF);
}

static void send_sgi(void)
{
  if (gic == 3) write_register("s3_0_c12_c11_5", (uint64_t)SGI_INTID << 24 | 1);
  else write32(GICD + 0xf00, 1u << 16 | SGI_INTID);
}

static void wait_for_timer(uint64_t ticks)
{
  unsigned before = timer_interrupts;
  write_register("cntv_tval_el0", ticks);
  write_register("cntv_ctl_el0", 1);
  while (timer_interrupts == before) {
    asm volatile("msr daifset, #2");
    if (timer_interrupts == before) asm volatile("wfi");
    asm volatile("msr daifclr, #2\n\tisb");
  }
}

void guest_main(uint64_t gic_version)
{
  uint64_t sum = 0;
  gic = (int)gic_version;
  print("guest of KVM starts\n");
  print_number("CurrentEL ", read_register("currentel"));
  print_number("PSCI version ", hypercall(PSCI_VERSION));
  print_number("SMCCC version ", hypercall(SMCCC_VERSION));
  print_number("unknown call ", hypercall(0xc6001234));
  gic_start();
  asm volatile("msr daifclr, #2");
  for (unsigned round = 0; round < ROUNDS; round++) {
    uint64_t page = 0x40100000 + round % PAGES * 0x1000ull;
    write32(page, round);
    sum += read32(page) + read32(CONSOLE + 0x18);
    sum += (read_register("id_aa64mmfr0_el1") & ~BIG_ENDIAN_SUPPORT) + read_register("actlr_el1");
    sum = sum * 31 + numeric_digest(40);
    send_sgi();
    wait_for_timer(2000 + 100 * round);
  }
  while (sgis < ROUNDS) asm volatile("yield");
  print_number("timer interrupts ", timer_interrupts);
  print_digests();
  print_number("SGIs ", sgis);
  print_number("digest ", sum);
  hypercall(PSCI_SYSTEM_OFF);
}
