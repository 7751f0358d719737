/* The smallest guest: one line on the console. */
#include "print.h"

int main(void)
{
  print("hello hypervisor\n");
  return 0;
}
