/* System registers, barriers and MMIO. */
#ifndef SYSREG_H
#define SYSREG_H

#include "types.h"

#define read_sysreg(name)                                      \
  ({                                                           \
    u64 value_;                                                \
    asm volatile("mrs %0, " #name : "=r"(value_) : : "memory"); \
    value_;                                                    \
  })
#define write_sysreg(name, value) asm volatile("msr " #name ", %x0" : : "rZ"((u64)(value)) : "memory")

#define isb() asm volatile("isb" : : : "memory")
#define dsb(domain) asm volatile("dsb " #domain : : : "memory")
#define wfi() asm volatile("wfi" : : : "memory")

/* One plain load or store each: with writeback, which a compiler is free to choose, a data abort that traps to a
 * hypervisor has no valid instruction syndrome (ESR_ELx.ISS.ISV), and the access cannot be emulated. */
static inline u32 mmio_read32(u64 address)
{
  u32 value;
  asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return value;
}

static inline void mmio_write32(u64 address, u32 value)
{
  asm volatile("str %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}

static inline void mmio_write8(u64 address, u8 value)
{
  asm volatile("strb %w0, [%1]" : : "rZ"((u32)value), "r"(address) : "memory");
}

/* PSTATE in SPSR_ELx: the mode field and the four masks (Arm ARM C5.2.18). */
#define SPSR_EL0T 0x0
#define SPSR_EL1H 0x5
#define SPSR_EL2T 0x8
#define SPSR_EL2H 0x9
#define SPSR_F (1u << 6)
#define SPSR_I (1u << 7)
#define SPSR_A (1u << 8)
#define SPSR_D (1u << 9)
#define SPSR_DAIF (SPSR_D | SPSR_A | SPSR_I | SPSR_F)

#endif
