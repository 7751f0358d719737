/* digests [ROUNDS]: prints what digests.ts knows. */
#include "digests.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
  unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 10;
  for (unsigned i = 0; i < DIGESTS; i++)
    printf("digest %s %u %016" PRIx64 "\n", digests[i].name, rounds, digests[i].compute(rounds));
  return 0;
}
