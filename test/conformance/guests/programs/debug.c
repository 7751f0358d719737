/*
 * As the first program of Linux: steps a child instruction by instruction, breaks and watches it with the debug registers, and counts
 * its own instructions and cycles with the performance monitors. Prints what it found and switches off.
 */
#include <asm/ptrace.h>
#include <elf.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS 12

static volatile unsigned long watched[4];

__attribute__((noinline)) static void target(unsigned long n) { watched[1] = n; }

static int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

/* The first register of a kind. control: BAS from bit 5, type from bit 3 (2: stores), enabled in bit 0. */
static long set_register(pid_t child, int kind, unsigned long address, unsigned control) {
  struct user_hwdebug_state state;
  memset(&state, 0, sizeof state);
  state.dbg_regs[0].addr = address;
  state.dbg_regs[0].ctrl = control;
  size_t size = offsetof(struct user_hwdebug_state, dbg_regs) + sizeof state.dbg_regs[0];
  struct iovec vector = {&state, size};
  return ptrace(PTRACE_SETREGSET, child, kind, &vector);
}

static unsigned long program_counter(pid_t child) {
  struct user_pt_regs registers;
  struct iovec vector = {&registers, sizeof registers};
  ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &vector);
  return registers.pc;
}

static void go_on(pid_t child, const char *what, const void *expected) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  ptrace(PTRACE_CONT, child, 0, 0);
  int status = wait_for(child);
  if (WIFSTOPPED(status)) ptrace(PTRACE_GETSIGINFO, child, 0, &info);
  printf("%s: status %x code %d, %s\n", what, status, info.si_code,
         info.si_addr == expected ? "there" : "elsewhere");
}

static int open_counter(unsigned long long event) {
  struct perf_event_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.size = sizeof attributes;
  attributes.config = event;
  attributes.exclude_kernel = 1;
  return syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    for (unsigned long i = 0; i < 6; i++) target(i);
    _exit(42);
  }
  wait_for(child);

  unsigned long moved = 0;
  for (int i = 0; i < STEPS; i++) {
    unsigned long before = program_counter(child);
    ptrace(PTRACE_SINGLESTEP, child, 0, 0);
    int status = wait_for(child);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) printf("step %d: status %x\n", i, status);
    moved += program_counter(child) != before;
  }
  printf("steps: %d, moved %lu\n", STEPS, moved);

  printf("break: %ld\n", set_register(child, NT_ARM_HW_BREAK, (unsigned long)target, (0xf << 5) | 1));
  for (int i = 0; i < 2; i++) go_on(child, "break", (void *)target);
  printf("watch: %ld %ld\n", set_register(child, NT_ARM_HW_BREAK, 0, 0),
         set_register(child, NT_ARM_HW_WATCH, (unsigned long)&watched[1], (0xff << 5) | (2 << 3) | 1));
  for (int i = 0; i < 3; i++) go_on(child, "watch", (void *)&watched[1]);
  printf("end: %ld\n", set_register(child, NT_ARM_HW_WATCH, 0, 0));
  go_on(child, "end", NULL);

  int instructions = open_counter(PERF_COUNT_HW_INSTRUCTIONS);
  int cycles = open_counter(PERF_COUNT_HW_CPU_CYCLES);
  for (volatile int i = 0; i < 1000; i++) continue;
  uint64_t counted[2] = {0, 0};
  if (read(instructions, &counted[0], 8) != 8 || read(cycles, &counted[1], 8) != 8) printf("no counters\n");
  printf("instructions %lu cycles %lu\nDEBUG ENDS\n", (unsigned long)counted[0], (unsigned long)counted[1]);
  reboot(LINUX_REBOOT_CMD_POWER_OFF);
  for (;;) pause();
}
