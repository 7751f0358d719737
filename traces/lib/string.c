#include "string.h"

/* Words where both sides allow it, never an unaligned access: this runs with the MMU off, too (Device memory). */
void *memcpy(void *to, const void *from, usize size)
{
  u8 *d = to;
  const u8 *s = from;
  if ((((u64)d | (u64)s) & 7) == 0)
    for (; size >= 8; size -= 8, d += 8, s += 8)
      *(u64 *)d = *(const u64 *)s;
  while (size--)
    *d++ = *s++;
  return to;
}

void *memset(void *to, int byte, usize size)
{
  u8 *d = to;
  u64 word = (u8)byte * 0x0101010101010101ul;
  if (((u64)d & 7) == 0)
    for (; size >= 8; size -= 8, d += 8)
      *(u64 *)d = word;
  while (size--)
    *d++ = (u8)byte;
  return to;
}

int memcmp(const void *a, const void *b, usize size)
{
  const u8 *p = a, *q = b;
  for (; size; size--, p++, q++)
    if (*p != *q)
      return *p - *q;
  return 0;
}

usize strlen(const char *s)
{
  usize n = 0;
  while (s[n])
    n++;
  return n;
}
