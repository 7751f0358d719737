/* The integer types of all guests here. There is no C library. */
#ifndef TYPES_H
#define TYPES_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef __SIZE_TYPE__ usize;
typedef _Bool bool;
#define true 1
#define false 0

#define array_length(a) (sizeof(a) / sizeof((a)[0]))

#endif
