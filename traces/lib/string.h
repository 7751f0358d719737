/* The memory functions that GCC may call, and a few for strings. */
#ifndef STRING_H
#define STRING_H

#include "types.h"

void *memcpy(void *to, const void *from, usize size);
void *memset(void *to, int byte, usize size);
int memcmp(const void *a, const void *b, usize size);
usize strlen(const char *s);

#endif
