/*
 * reference-trace: the architectural state before every instruction, from an unmodified
 * qemu-system-aarch64 7.2 (Debian 12, x86-64 host). A TCG plugin; an oracle for tests, not a product.
 *
 *   cc -O2 -shared -fPIC -I. -o reference-trace.so reference-trace.c
 *   qemu-system-aarch64 -M virt,virtualization=on,gic-version=3 -cpu cortex-a57 -nographic -net none \
 *     -icount shift=0,align=off,sleep=off -rtc base=2024-01-01,clock=vm -singlestep \
 *     -dtb my.dtb -kernel IMAGE -plugin ./reference-trace.so,mode=full,n=1000000,out=trace.bin
 *
 *   mode=full   800-byte records { u64 pc; u64 x[31]; u64 sp; u32 opcode; u32 pstate; u64 fpcr, fpsr; u128 v[32] }, little endian
 *   mode=digest 40-byte records { u64 count; u64 lane[4] }: the digest of the states before the first `count` instructions, every K
 *               instructions (every=K), at each WFI and at the end. state_digest.ts says what is folded, and how.
 *   mode=blocks { u64 address; u64 opcode } for every instruction translated: what was executed, for coverage (any speed,
 *               no -singlestep needed; the end of a block that an exception left is included)
 *   n=N         stop after N instructions       out=FILE, or fd=N: an inherited file descriptor
 *   from=N      mode=full: leave out the first N records
 *   every=K     mode=full: one record every K instructions (numbers 0, K, 2K, …)
 *
 * How it works: version 1 of the plugin interface cannot read registers, but while translated code calls a
 * plugin, %rbp holds the CPU state pointer, and with -singlestep (one instruction per block) all of the state is
 * in memory. The field offsets below are 7.2's.
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

/* Cumulative exceptions of one way to compute: the first field of QEMU's float_status. */
typedef struct { uint16_t exceptions; uint8_t controls[12]; } FloatStatus;
typedef struct {
  uint64_t z[32][32]; /* of each the lowest two are V */
  uint64_t predicates[18][4];
  uint32_t saturation[4], length, stride, fpsid, fpscr, others[14], scratch[8];
  FloatStatus status, status_half, status_aarch32, status_aarch32_half;
} VectorState;
#define VECTOR_STATE 0xc70

typedef struct { uint64_t pc, x[32]; uint32_t opcode, pstate; uint64_t fpcr, fpsr, v[32][2]; } Record;
typedef struct { uint64_t count, lane[4]; } Digest;

enum { FULL, DIGEST, BLOCKS };
#define WFI 0xd503207fu
/* Bits 27 and 26: data processing, loads and stores on SIMD and floating-point registers (C4.1). */
#define USES_VECTORS(opcode) (((opcode) >> 26 & 3) == 3)
#define PSTATE_MASK 0xf01003cfu
static FILE *out;
static uint64_t count, stop = ~0ull, from, every;
static Digest digest = { ~0ull, { 1, 2, 3, 4 } };
static const CpuState *last_state;
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

static const VectorState *vectors_of(const CpuState *s) { return (const VectorState *)((const char *)s + VECTOR_STATE); }

static uint64_t fpcr_of(const VectorState *v)
{
  return ((v->fpscr | v->length << 16 | v->stride << 20) & 0x07f79f00);
}

static uint64_t fpsr_of(const VectorState *v)
{
  unsigned flags = v->status.exceptions | v->status_aarch32.exceptions
                 | ((v->status_half.exceptions | v->status_aarch32_half.exceptions) & ~0x20);
  bool saturated = v->saturation[0] | v->saturation[1] | v->saturation[2] | v->saturation[3];
  /* Invalid, division by zero, overflow, underflow, inexact stand where FPSR has them; then denormal input and output. */
  return (v->fpscr & 0xf0000000u) | saturated << 27 | (flags & 0x20) << 2 | (flags & 0x1f) | (flags & 0x40) >> 3;
}

static inline uint64_t fold(uint64_t lane, uint64_t word)
{
  uint64_t mixed = lane ^ word;
  return (mixed << 31 | mixed >> 33) * 0x9E3779B185EBCA87ull;
}

static void fold_vectors(const CpuState *s)
{
  const VectorState *v = vectors_of(s);
  for (int i = 0; i < 32; i++)
    for (int half = 0; half < 2; half++)
      digest.lane[2 * (i & 1) + half] = fold(digest.lane[2 * (i & 1) + half], v->z[i][half]);
  digest.lane[0] = fold(digest.lane[0], fpcr_of(v));
  digest.lane[1] = fold(digest.lane[1], fpsr_of(v));
}

static void fold_state(const CpuState *s)
{
  uint64_t a = digest.lane[0], b = digest.lane[1], c = digest.lane[2], d = digest.lane[3];
  for (int i = 0; i < 32; i += 4) {
    a = fold(a, s->x[i]);
    b = fold(b, s->x[i + 1]);
    c = fold(c, s->x[i + 2]);
    d = fold(d, s->x[i + 3]);
  }
  digest.lane[0] = fold(a, s->pc);
  digest.lane[1] = fold(b, pstate_of(s) & PSTATE_MASK);
  digest.lane[2] = c;
  digest.lane[3] = d;
}

static void write_digest(const CpuState *s)
{
  if (digest.count == count) return;
  digest.count = count;
  fold_vectors(s);
  fwrite(&digest, sizeof digest, 1, out);
}

static void write_state(const CpuState *s, uint32_t opcode)
{
  const VectorState *v = vectors_of(s);
  Record *r = &buffer[buffered++];
  r->pc = s->pc;
  memcpy(r->x, s->x, sizeof r->x);
  r->opcode = opcode;
  r->pstate = pstate_of(s);
  r->fpcr = fpcr_of(v);
  r->fpsr = fpsr_of(v);
  for (int i = 0; i < 32; i++) memcpy(r->v[i], v->z[i], sizeof r->v[i]);
  if (buffered == sizeof buffer / sizeof *buffer) flush_records();
}

static void end(void)
{
  flush_records();
  if (mode == DIGEST && last_state) write_digest(last_state);
  fflush(out);
  fprintf(stderr, "reference-trace: %" PRIu64 " instructions\n", count);
}

__attribute__((noinline, used)) void on_instruction(unsigned cpu, void *opcode_ptr, const CpuState *s)
{
  uint32_t opcode = (uint32_t)(uintptr_t)opcode_ptr;
  (void)cpu;
  last_state = s;
  if (count == stop) {
    end();
    _exit(0);
  }
  if (mode == DIGEST) {
    if (count && count % every == 0) write_digest(s);
    if (USES_VECTORS(opcode)) fold_vectors(s);
    fold_state(s);
  } else if (count >= from && count % every == 0) {
    write_state(s, opcode);
  }
  count++;
  /* A WFI may be the last instruction for ever: what is buffered must not wait for it. */
  if (opcode == WFI) {
    if (mode == DIGEST) write_digest(s);
    flush_records();
    fflush(out);
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
  end();
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
  const char *path = "/dev/null";
  int fd = -1;
  (void)info;
  for (int i = 0; i < argc; i++) {
    if (!strncmp(argv[i], "out=", 4)) path = argv[i] + 4;
    else if (!strcmp(argv[i], "mode=digest")) mode = DIGEST;
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
