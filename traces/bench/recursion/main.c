/* Calls and returns, and little else: Fibonacci, Takeuchi and Ackermann. */
#include "bench.h"

#define REPETITIONS 12

static __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls"))) u32 fibonacci(u32 n)
{
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls"))) int takeuchi(int x, int y, int z)
{
  return x <= y ? z : takeuchi(takeuchi(x - 1, y, z), takeuchi(y - 1, z, x), takeuchi(z - 1, x, y));
}

static __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls"))) u32 ackermann(u32 m, u32 n)
{
  if (m == 0)
    return n + 1;
  return n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

int main(void)
{
  u32 sum = 0;
  enable_mmu();
  for (u32 repetition = 0; repetition < REPETITIONS; repetition++)
    sum = sum * 31 + fibonacci(30) + takeuchi(18, 12, 6) + ackermann(2, 40);
  print("recursion: %08x\n", sum);
  return 0;
}
