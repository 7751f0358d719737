/*
 * reference-trace: the architectural state before every instruction, from an unmodified
 * qemu-system-aarch64 7.2 (Debian 12, x86-64 host). A TCG plugin; an oracle for tests, not a product.
 *
 *   cc -O2 -shared -fPIC -I. -o reference-trace.so reference-trace.c
 *   qemu-system-aarch64 -M virt,virtualization=on,gic-version=3 -cpu cortex-a57 -nographic -net none \
 *     -icount shift=0,align=off,sleep=off -rtc base=2024-01-01,clock=vm -singlestep \
 *     -dtb my.dtb -kernel IMAGE -plugin ./reference-trace.so,mode=full,n=1000000,out=trace.bin
 *
 *   mode=full   272-byte records { u64 pc; u64 x[31]; u64 sp; u32 opcode; u32 pstate }, little endian
 *   mode=hash   one text line every K instructions: count, rolling hash, pc      (every=K)
 *   mode=blocks { u64 address; u64 opcode } for every instruction translated: what was executed, for coverage (any speed,
 *               no -singlestep needed; the end of a block that an exception left is included)
 *   mode=pc     rolling hash of opcodes only, printed at the end
 *   n=N         stop after N instructions       out=FILE, or fd=N: an inherited file descriptor
 *   from=N      mode=full: leave out the first N records
 *   every=K     mode=full: one record every K instructions (numbers 0, K, 2K, …)
 *
 * How it works: version 1 of the plugin interface cannot read registers, but while translated code calls a
 * plugin, %rbp holds the CPU state pointer, and with -singlestep (one instruction per block) all of the state is
 * in memory. The field offsets below are 7.2's. V registers are not included.
 * Without -singlestep the counts differ: always use it for the reference.
 * Give QEMU your own device tree: its own contains random seeds. Give it no console input.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "qemu-plugin-abi.h"

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/* The beginning of the CPU state as laid out in 7.2; names say what each field holds. */
typedef struct {
  uint32_t aarch32_regs[16];
  uint64_t x[32];
  uint64_t pc;
  uint32_t pstate;
  bool is_aarch64, is_thumb;
  struct { uint32_t a; uint64_t b; } cached_flags;
  uint32_t uncached_cpsr, spsr;
  uint64_t banked_spsr[8];
  uint32_t banked_r13[8], banked_r14[8], usr_regs[5], fiq_regs[5];
  uint32_t carry, overflow, negative, zero, saturation, ge, condexec, btype;
  uint64_t daif;
} CpuState;

typedef struct { uint64_t pc, x[32]; uint32_t opcode, pstate; } Record;

enum { FULL, HASH, PC, BLOCKS };
#define WFI 0xd503207fu
static FILE *out;
static uint64_t count, stop = ~0ull, from, every, hash = 1469598103934665603ull;
static int mode = FULL;
static Record buffer[2048];
static unsigned buffered;

static uint32_t pstate_of(const CpuState *s)
{
  return (s->pstate & ~0xf00003c0u) | (s->negative & 0x80000000u) | ((s->zero == 0) << 30)
       | (s->carry << 29) | ((s->overflow & 0x80000000u) >> 3) | (s->daif & 0x3c0);
}

static void flush_records(void)
{
  if (buffered) fwrite(buffer, sizeof(Record), buffered, out);
  buffered = 0;
}

static uint64_t mix(uint64_t a, uint64_t v) { return (a ^ v) * 0x9E3779B97F4A7C15ull + (a >> 29); }

__attribute__((noinline, used)) void on_instruction(unsigned cpu, void *opcode_ptr, CpuState *s)
{
  uint32_t opcode = (uint32_t)(uintptr_t)opcode_ptr;
  (void)cpu;
  if (count >= stop) return;
  count++;
  if (mode == PC) {
    hash = (hash ^ opcode) * 1099511628211ull;
  } else if (mode == HASH) {
    uint64_t a = hash;
    for (int i = 0; i < 32; i++) a = mix(a, s->x[i]);
    a = mix(a, s->pc);
    a = mix(a, pstate_of(s));
    hash = a ^ (a >> 32);
    if (count % every == 0)
      fprintf(out, "%" PRIu64 " %016" PRIx64 " pc=%016" PRIx64 "\n", count, hash, s->pc);
  } else if (count > from && (count - 1) % every == 0) {
    Record *r = &buffer[buffered++];
    r->pc = s->pc;
    memcpy(r->x, s->x, sizeof r->x);
    r->opcode = opcode;
    r->pstate = pstate_of(s);
    if (buffered == sizeof buffer / sizeof *buffer) flush_records();
  }
  /* A WFI may be the last instruction for ever: what is buffered must not wait for it. */
  if (mode == FULL && opcode == WFI) {
    flush_records();
    fflush(out);
  }
  if (count == stop) {
    flush_records();
    fflush(out);
    fprintf(stderr, "reference-trace: stopped at %" PRIu64 ", hash %016" PRIx64 "\n", count, hash);
    _exit(0);
  }
}

/* %rbp is the state pointer here; pass it as the third argument on an aligned stack. */
__attribute__((naked)) static void trampoline(unsigned cpu, void *opcode)
{
  asm volatile("mov %rbp,%rdx\n\tpush %rbp\n\tmov %rsp,%rbp\n\tand $-16,%rsp\n\t"
               "call on_instruction\n\tleave\n\tret");
}

static void on_block(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
  (void)id;
  for (size_t i = 0, n = qemu_plugin_tb_n_insns(tb); i < n; i++) {
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
    uint32_t opcode = *(const uint32_t *)qemu_plugin_insn_data(insn);
    if (mode == BLOCKS) {
      uint64_t entry[2] = { qemu_plugin_insn_vaddr(insn), opcode };
      fwrite(entry, sizeof entry, 1, out);
      continue;
    }
    qemu_plugin_register_vcpu_insn_exec_cb(insn, trampoline, QEMU_PLUGIN_CB_R_REGS, (void *)(uintptr_t)opcode);
  }
}

static void on_exit_(qemu_plugin_id_t id, void *p)
{
  (void)id; (void)p;
  flush_records();
  fflush(out);
  fprintf(stderr, "reference-trace: %" PRIu64 " instructions, hash %016" PRIx64 "\n", count, hash);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
  const char *path = "/dev/null";
  int fd = -1;
  (void)info;
  for (int i = 0; i < argc; i++) {
    if (!strncmp(argv[i], "out=", 4)) path = argv[i] + 4;
    else if (!strcmp(argv[i], "mode=hash")) mode = HASH;
    else if (!strcmp(argv[i], "mode=pc")) mode = PC;
    else if (!strcmp(argv[i], "mode=blocks")) mode = BLOCKS;
    else if (!strncmp(argv[i], "n=", 2)) stop = strtoull(argv[i] + 2, 0, 0);
    else if (!strncmp(argv[i], "every=", 6)) every = strtoull(argv[i] + 6, 0, 0);
    else if (!strncmp(argv[i], "from=", 5)) from = strtoull(argv[i] + 5, 0, 0);
    else if (!strncmp(argv[i], "fd=", 3)) fd = atoi(argv[i] + 3);
  }
  if (!every) every = mode == FULL ? 1 : 65536;
  out = fd >= 0 ? fdopen(fd, "w") : fopen(path, "w");
  if (!out) return -1;
  setvbuf(out, 0, _IOFBF, 1 << 20);
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
  qemu_plugin_register_atexit_cb(id, on_exit_, 0);
  return 0;
}
