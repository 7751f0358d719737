/* Guest 1 keeps a ledger: it sorts and sums accounts, in rounds, files each round away and checks it a second way. */
#include "kernel.h"
#include "layout.h"
#include "page_table.h"
#include "print.h"
#include "string.h"
#include "sysreg.h"

#define ACCOUNTS 6144
#define ROUNDS 4
#define AUDIT_ROUND 3
#define BURST 8
#define BUCKETS 2048

/* A round, as it is filed: one after the other, downwards from the end of the first 2 MiB of RAM. */
struct volume {
  u32 round, count;
  const u32 *keys;
  u32 copy[ACCOUNTS];
};
#define VOLUME_PAGES 7
#define VAULT_END (GUEST_VA + BLOCK_SIZE)
_Static_assert(sizeof(struct volume) <= VOLUME_PAGES * PAGE_SIZE, "a volume fits its pages");

struct book {
  u32 totals[ROUNDS];
  u32 (*close)(const struct book *);
};

/* The table is sealed by the hypervisor once it is filled, and so has a page to itself. */
static struct {
  u32 crc_table[PAGE_SIZE / sizeof(u32)];
  struct book book;
} records __attribute__((aligned(PAGE_SIZE)));

static u32 accounts[ACCOUNTS];
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

static u32 crc32_of_byte(u32 byte)
{
  for (unsigned bit = 0; bit < 8; bit++)
    byte = byte & 1 ? byte >> 1 ^ 0xedb88320u : byte >> 1;
  return byte;
}

static u32 crc32(const void *data, usize size)
{
  u32 crc = ~0u;
  for (const u8 *byte = data; size--; byte++)
    crc = crc >> 8 ^ records.crc_table[(crc ^ *byte) & 0xff];
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

static u32 sum_accounts(void) { return crc32(accounts, sizeof accounts); }

static const struct {
  const char *name;
  u32 (*run)(void);
} tasks[] = {{"open", open_accounts}, {"sort", sort_accounts}, {"sum", sum_accounts}};

static struct volume *volume_of(u32 round) { return (struct volume *)(VAULT_END - round * VOLUME_PAGES * PAGE_SIZE); }

static __attribute__((noinline)) void file_round(u32 round)
{
  struct volume *volume = volume_of(round);
  volume->round = round;
  volume->count = ACCOUNTS;
#ifndef BUG_POINTER_NOT_SET
  volume->keys = volume->copy;
#endif
  memcpy(volume->copy, accounts, sizeof accounts);
}

static __attribute__((noinline)) void enter_total(struct book *book, u32 round, u32 total)
{
#ifdef BUG_OFF_BY_ONE
  book->totals[round] = total & ~3u; /* aligned as code is: what faults is the fetch */
#else
  book->totals[round - 1] = total;
#endif
}

/* How evenly the balances are spread: the fullest of BUCKETS buckets. */
static __attribute__((noinline)) u32 audit(void)
{
#ifdef BUG_BIG_LOCAL
  u32 buckets[BUCKETS];
#else
  static u32 buckets[BUCKETS];
#endif
  u32 fullest = 0;
  memset(buckets, 0, sizeof buckets);
  for (unsigned n = 0; n < ACCOUNTS; n++) {
    u32 bucket = accounts[n] % BUCKETS;
    if (++buckets[bucket] > fullest)
      fullest = buckets[bucket];
  }
  return fullest;
}

/* The totals again, from the volumes. */
static u32 close_book(const struct book *book)
{
  for (u32 round = 1; round <= ROUNDS; round++) {
    const struct volume *volume = volume_of(round);
    require(volume->round == round, "a volume is misfiled");
    require(crc32(volume->keys, volume->count * sizeof(u32)) == book->totals[round - 1], "a volume has changed");
  }
  return crc32(book->totals, sizeof book->totals);
}

/* More SGIs at once than there are list registers. */
static void burst_of_sgis(void)
{
  asm volatile("msr daifset, #2" : : : "memory");
  for (u32 sgi = 0; sgi < BURST; sgi++)
    send_sgi(sgi);
  asm volatile("msr daifclr, #2; isb" : : : "memory");
}

static void set_up(void)
{
  for (u32 n = 0; n < 256; n++)
    records.crc_table[n] = crc32_of_byte(n);
  records.book.close = close_book;
  require(crc32("123456789", 9) == 0xcbf43926, "CRC-32");
  require(hypercall(HVC_SEAL, ipa_of(records.crc_table), sizeof records.crc_table) == 0, "the table cannot be sealed");

  print("ledger: %u accounts, ID_AA64PFR0_EL1 %lx\n", ACCOUNTS, read_sysreg(ID_AA64PFR0_EL1));
  write_sysreg(ACTLR_EL1, 0x5a);
  require(read_sysreg(ACTLR_EL1) == 0x5a, "ACTLR_EL1");
}

void guest_main(void)
{
  set_up();
  start_timer();
  for (u32 round = 1; round <= ROUNDS; round++) {
    u32 result = 0;
    print("round %u:", round);
    for (unsigned n = 0; n < array_length(tasks); n++) {
      result = tasks[n].run();
      print(" %s %08x", tasks[n].name, result);
    }
    print("\n");
    enter_total(&records.book, round, result);
    file_round(round);
    u32 *receipt = window_onto(allocate_archive_frame());
    *receipt = result;
    if (round == AUDIT_ROUND)
      print("audit: at most %u in a bucket\n", audit());
    burst_of_sgis();
    sleep_until_tick(this_cpu->timer_ticks + 1);
  }
  stop_timer();
  for (u32 sgi = 0; sgi < BURST; sgi++)
    require(this_cpu->sgis_taken[sgi] == ROUNDS, "an SGI was lost");
  print("ledger: closed with %08x after %u SGIs\n", records.book.close(&records.book), ROUNDS * BURST);
}
