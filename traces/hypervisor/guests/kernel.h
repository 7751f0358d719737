/* What both guests are built on: one address space, interrupts, a periodic timer, demand paging. */
#ifndef KERNEL_H
#define KERNEL_H

#include "exception.h"
#include "hypercall.h"
#include "types.h"

/* What interrupts have brought. x18 points here for as long as the kernel runs: it is the platform register, which the
 * compiler leaves alone. */
struct cpu {
  volatile u32 timer_ticks, late_ticks;
  volatile u32 sgis_taken[16];
};
register struct cpu *this_cpu asm("x18");

/* kernel.c */
void guest_main(void); /* each guest has its own */
_Noreturn void kernel_panic(const char *why, const struct exception_frame *frame);
u64 hypercall(u64 function, u64 a, u64 b);
#define require(condition, what) \
  do {                           \
    if (!(condition))            \
      kernel_panic(what, 0);     \
  } while (0)

/* interrupts.c */
#define TICK 62500ul /* a millisecond of CNTVCT */
void interrupts_init(void);
void take_interrupt(void);
void send_sgi(u32 sgi);
void start_timer(void);
void stop_timer(void);
void sleep_until_tick(u32 tick);

/* memory.c */
#define HEAP_VA 0x100000000ul /* a page here is made when it is first touched */
#define HEAP_SIZE 0x100000ul
#define WINDOW_VA 0x140000000ul /* one page through which any frame can be seen */
void memory_init(void);
u64 allocate_frame(void);         /* IPA of a zeroed page of RAM */
u64 allocate_archive_frame(void); /* the same, of the last 2 MiB: for what is kept */
bool take_page_fault(u64 address);
void *window_onto(u64 frame);
u64 ipa_of(const void *image_address);
extern u32 page_faults;

#endif
