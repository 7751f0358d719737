#include "print.h"
#include "pl011.h"
#include "types.h"

static void put_string(const char *s)
{
  while (*s)
    pl011_put(*s++);
}

static void put_number(u64 value, unsigned base, unsigned width)
{
  char digits[20];
  unsigned n = 0;
  do {
    digits[n++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value);
  while (n < width && n < sizeof digits)
    digits[n++] = '0';
  while (n)
    pl011_put(digits[--n]);
}

void print(const char *format, ...)
{
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  for (const char *f = format; *f; f++) {
    if (*f != '%') {
      pl011_put(*f);
      continue;
    }
    unsigned width = 0;
    bool wide = false;
    for (f++; *f >= '0' && *f <= '9'; f++)
      width = width * 10 + (*f - '0');
    for (; *f == 'l'; f++)
      wide = true;
    switch (*f) {
    case 's': put_string(__builtin_va_arg(arguments, const char *)); break;
    case 'c': pl011_put((char)__builtin_va_arg(arguments, int)); break;
    case 'u':
    case 'x': {
      u64 value = wide ? __builtin_va_arg(arguments, u64) : __builtin_va_arg(arguments, u32);
      put_number(value, *f == 'u' ? 10 : 16, width);
      break;
    }
    case '%': pl011_put('%'); break;
    }
  }
  __builtin_va_end(arguments);
}
