/* Integer work of four kinds: a sieve, a sort, a checksum by table, and a walk along pointers. */
#include "bench.h"

#define REPETITIONS 15
#define SIEVE_LIMIT 1000000
#define KEYS 100000
#define NODES 65536
#define STEPS 2000000

static u8 composite[SIEVE_LIMIT];
static u32 keys[KEYS];
static u32 crc_table[256];
static struct node {
  struct node *next;
  u64 value;
} nodes[NODES];

static u32 sieve(void)
{
  u32 primes = 0;
  for (u32 n = 0; n < SIEVE_LIMIT; n++)
    composite[n] = 0;
  for (u32 n = 2; n < SIEVE_LIMIT; n++) {
    if (composite[n])
      continue;
    primes++;
    for (u64 multiple = (u64)n * n; multiple < SIEVE_LIMIT; multiple += n)
      composite[multiple] = 1;
  }
  return primes;
}

static void quicksort(u32 *low, u32 *high)
{
  while (low < high) {
    u32 pivot = low[(high - low) / 2], *i = low, *j = high;
    while (i <= j) {
      while (*i < pivot)
        i++;
      while (*j > pivot)
        j--;
      if (i <= j) {
        u32 t = *i;
        *i++ = *j;
        *j-- = t;
      }
    }
    quicksort(low, j);
    low = i;
  }
}

static u32 crc32(const void *data, usize size)
{
  u32 crc = ~0u;
  for (const u8 *byte = data; size--; byte++)
    crc = crc >> 8 ^ crc_table[(crc ^ *byte) & 0xff];
  return ~crc;
}

/* One cycle through all nodes in random order (Sattolo). */
static void link_nodes(u32 *random)
{
  for (u32 n = 0; n < NODES; n++)
    nodes[n] = (struct node){&nodes[n], n};
  for (u32 n = NODES - 1; n; n--) {
    u32 m = next_random(random) % n;
    struct node *t = nodes[n].next;
    nodes[n].next = nodes[m].next;
    nodes[m].next = t;
  }
}

static u64 chase(void)
{
  u64 sum = 0;
  const struct node *node = nodes;
  for (u32 n = 0; n < STEPS; n++, node = node->next)
    sum = sum * 3 + node->value;
  return sum;
}

int main(void)
{
  u32 random = 1, primes = 0, crc = 0;
  u64 sum = 0;
  enable_mmu();
  for (u32 n = 0; n < 256; n++) {
    crc_table[n] = n;
    for (u32 bit = 0; bit < 8; bit++)
      crc_table[n] = crc_table[n] & 1 ? crc_table[n] >> 1 ^ 0xedb88320u : crc_table[n] >> 1;
  }
  link_nodes(&random);
  for (u32 repetition = 0; repetition < REPETITIONS; repetition++) {
    primes += sieve();
    for (u32 n = 0; n < KEYS; n++)
      keys[n] = next_random(&random);
    quicksort(keys, keys + KEYS - 1);
    crc ^= crc32(keys, sizeof keys);
    sum ^= chase();
  }
  print("integer-mix: primes %u, crc %08x, sum %016lx\n", primes, crc, sum);
  return 0;
}
