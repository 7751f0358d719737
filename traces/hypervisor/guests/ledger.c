/* Guest 1 keeps a ledger: it sorts and sums accounts, in rounds, and checks every result a second way. */
#include "kernel.h"
#include "print.h"
#include "sysreg.h"

#define ACCOUNTS 6144
#define ROUNDS 4
#define BURST 8

static u32 accounts[ACCOUNTS];
static u32 crc_table[256];
static u32 random_state = 12345;

static u32 next_random(void)
{
  random_state = random_state * 1664525 + 1013904223;
  return random_state >> 8;
}

static void swap(u32 *a, u32 *b)
{
  u32 t = *a;
  *a = *b;
  *b = t;
}

static __attribute__((noinline)) void sort(u32 *keys, long low, long high)
{
  if (low >= high)
    return;
  u32 pivot = keys[low + (high - low) / 2];
  long i = low, j = high;
  while (i <= j) {
    while (keys[i] < pivot)
      i++;
    while (keys[j] > pivot)
      j--;
    if (i <= j)
      swap(&keys[i++], &keys[j--]);
  }
  sort(keys, low, j);
  sort(keys, i, high);
}

static u32 crc32_bitwise(u32 byte)
{
  for (unsigned bit = 0; bit < 8; bit++)
    byte = byte & 1 ? byte >> 1 ^ 0xedb88320u : byte >> 1;
  return byte;
}

static u32 crc32(const u8 *data, usize size)
{
  u32 crc = ~0u;
  while (size--)
    crc = crc >> 8 ^ crc_table[(crc ^ *data++) & 0xff];
  return ~crc;
}

/* Each task of a round works on all accounts and returns a number to print. */
static u32 open_accounts(void)
{
  for (unsigned n = 0; n < ACCOUNTS; n++)
    accounts[n] = next_random();
  return accounts[ACCOUNTS - 1];
}

static u32 sort_accounts(void)
{
  u64 before = 0, after = 0;
  for (unsigned n = 0; n < ACCOUNTS; n++)
    before += accounts[n];
  sort(accounts, 0, ACCOUNTS - 1);
  for (unsigned n = 0; n < ACCOUNTS; n++) {
    after += accounts[n];
    require(n == 0 || accounts[n - 1] <= accounts[n], "accounts are not in order");
  }
  require(before == after, "the sum has changed");
  return (u32)after;
}

static u32 sum_accounts(void) { return crc32((const u8 *)accounts, sizeof accounts); }

static const char *const names[] = {"open", "sort", "sum"};
static u32 (*tasks[])(void) = {open_accounts, sort_accounts, sum_accounts};

/* More SGIs at once than there are list registers. */
static void burst_of_sgis(void)
{
  asm volatile("msr daifset, #2" : : : "memory");
  for (u32 sgi = 0; sgi < BURST; sgi++)
    send_sgi(sgi);
  asm volatile("msr daifclr, #2; isb" : : : "memory");
}

void guest_main(void)
{
  for (u32 n = 0; n < array_length(crc_table); n++)
    crc_table[n] = crc32_bitwise(n);
  require(crc32((const u8 *)"123456789", 9) == 0xcbf43926, "CRC-32");

  print("ledger: %u accounts, ID_AA64PFR0_EL1 %lx\n", ACCOUNTS, read_sysreg(ID_AA64PFR0_EL1));
  write_sysreg(ACTLR_EL1, 0x5a);
  require(read_sysreg(ACTLR_EL1) == 0x5a, "ACTLR_EL1");
  start_timer();
  for (unsigned round = 1; round <= ROUNDS; round++) {
    print("round %u:", round);
    for (unsigned n = 0; n < array_length(tasks); n++)
      print(" %s %08x", names[n], tasks[n]());
    print("\n");
    burst_of_sgis();
    sleep_until_tick(timer_ticks + 1);
  }
  stop_timer();
  for (u32 sgi = 0; sgi < BURST; sgi++)
    require(sgis_taken[sgi] == ROUNDS, "an SGI was lost");
  print("ledger: done, %u SGIs\n", ROUNDS * BURST);
}
