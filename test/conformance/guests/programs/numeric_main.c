/* numeric [ROUNDS]: prints the digest. */
#include "numeric.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
  unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
  printf("numeric %u %016" PRIx64 "\n", rounds, numeric_digest(rounds));
  return 0;
}
