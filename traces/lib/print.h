/* Formatted output on the PL011. */
#ifndef PRINT_H
#define PRINT_H

/* %s, %c, %%, and unsigned numbers: %u %x (32 bits), %lu %lx (64 bits), each with an optional 0-padded width (%016lx). */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
