/* Loads and stores in rows: copies of several sizes, and a sum over what was copied. */
#include "bench.h"
#include "string.h"

#define REPETITIONS 80
#define BUFFER_SIZE (1024 * 1024)

static u64 source[BUFFER_SIZE / 8], target[BUFFER_SIZE / 8];

int main(void)
{
  u32 random = 7;
  u64 sum = 0;
  enable_mmu();
  for (u32 n = 0; n < array_length(source); n++)
    source[n] = (u64)next_random(&random) << 32 | next_random(&random);
  for (u32 repetition = 0; repetition < REPETITIONS; repetition++) {
    for (usize size = 64; size <= BUFFER_SIZE; size *= 4)
      for (usize at = 0; at + size <= BUFFER_SIZE; at += size)
        memcpy((u8 *)target + at, (const u8 *)source + at, size);
    for (u32 n = 0; n < array_length(target); n++)
      sum = sum * 5 + target[n];
    source[repetition] ^= sum;
  }
  print("memory-copy: %016lx\n", sum);
  return 0;
}
