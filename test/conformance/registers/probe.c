/*
 * Tries MRS and MSR of the whole space of op0 2 and 3, and SYS of op0 1, at EL2, EL1 and EL0, with HCR_EL2.{E2H, TGE} in each
 * combination and then with single control bits changed, and prints what each gives: a value, or the level trapped to and the
 * syndrome. A line is
 *
 *     b BASE EL KIND ENCODING RESULT          in the open configuration of BASE
 *     v BASE REGISTER.BIT EL KIND ENCODING RESULT   where the bit makes it otherwise
 *     w EL ENCODING ONES ZEROS                read back after writing all ones, and zeros
 *
 * KIND is R or W; RESULT is "= value", "ok", or "T" target, syndrome. Encodings are op0:op1:CRn:CRm:op2 in 16 bits, hexadecimal.
 */
typedef unsigned long u64;
typedef unsigned u32;

struct outcome { u64 x0, x1, x2, x3, esr2, esr1; };
void run(void *entry, u64 spsr, struct outcome *);

static void put(char c) { *(volatile u32 *)0x09000000 = c; }
static void text(const char *s) { while (*s) put(*s++); }
static void hex(u64 v) {
  char digits[17];
  int n = 0;
  do { digits[n++] = "0123456789abcdef"[v & 15]; v >>= 4; } while (v);
  while (n) put(digits[--n]);
}

static u32 code[16] __attribute__((aligned(64)));
static u64 scratch[64] __attribute__((aligned(64)));
#define SVC (0xd4000001u | (0x77 << 5))
#define HVC (0xd4000002u | (2 << 5))
static u32 mrs(u32 encoding, int rt) { return 0xd5200000u | (encoding << 5) | rt; }
static u32 msr(u32 encoding, int rt) { return 0xd5000000u | (encoding << 5) | rt; }

/* 0: done; else the level trapped to, 1 or 2. */
static int at_el(int el, const u32 *words, int n, struct outcome *r) {
  for (int i = 0; i < n; i++) code[i] = words[i];
  code[n] = el == 0 ? SVC : HVC;
  __asm__ volatile("dsb sy; ic iallu; dsb sy; isb" ::: "memory");
  run(code, 0x3c0 | (el == 0 ? 0 : el == 1 ? 5 : 9), r);
  u32 ec = r->esr2 >> 26, iss = r->esr2 & 0x1ffffff;
  if (ec == 0x16 && iss == 2) return 0;
  if (ec == 0x15 && iss == 0x77) return 0;
  if (ec == 0x16 && iss == 1) return (r->esr1 >> 26) == 0x15 && (r->esr1 & 0xffff) == 0x77 ? 0 : 1;
  return 2;
}

enum { HCR, CPTR, MDCR, CNTHCTL, CNTKCTL, CPACR, SCTLR1, SCTLR2, PMUSERENR, MDSCR, ICH_HCR, REGISTERS };
static const char *const names[] = { "HCR_EL2", "CPTR_EL2", "MDCR_EL2", "CNTHCTL_EL2", "CNTKCTL_EL1", "CPACR_EL1",
  "SCTLR_EL1", "SCTLR_EL2", "PMUSERENR_EL0", "MDSCR_EL1", "ICH_HCR_EL2" };
#define E2H (1ul << 34)
#define TGE (1ul << 27)
/* UMA, EnRCTX, DZE, UCT, nTWI, nTWE, UCI */
#define EL0_OPEN (1ul << 9 | 1ul << 10 | 1ul << 14 | 1ul << 15 | 1ul << 16 | 1ul << 18 | 1ul << 26)
static const u64 open[REGISTERS] = { 1ul << 31 | 3ul << 40 | 1ul << 53, 0x33ff, 6, 3, 0x303, 3ul << 20,
  0x30c00800ul | EL0_OPEN, 0x30c00830ul | EL0_OPEN, 0xf, 0, 0 };
static const char *const bases[] = { "guest", "hosted", "host", "tge" };

#define S(reg, v) __asm__ volatile("msr " reg ", %0; isb" ::"r"((u64)(v)))
static void configure(int base, int reg, u64 flip) {
  u64 v[REGISTERS];
  for (int i = 0; i < REGISTERS; i++) v[i] = open[i];
  if (base == 1 || base == 2) { v[HCR] |= E2H; v[CPTR] = 3ul << 20; v[CNTHCTL] = 0xf03; }
  if (base >= 2) v[HCR] |= TGE;
  v[reg] ^= flip;
  S("hcr_el2", 1ul << 31);
  S("cntkctl_el1", v[CNTKCTL]); S("cpacr_el1", v[CPACR]); S("sctlr_el1", v[SCTLR1]);
  S("sctlr_el2", v[SCTLR2]); S("pmuserenr_el0", v[PMUSERENR]); S("mdscr_el1", v[MDSCR]); S("S3_4_C12_C11_0", v[ICH_HCR]);
  S("mdcr_el2", v[MDCR]); S("cptr_el2", v[CPTR]); S("cnthctl_el2", v[CNTHCTL]);
  S("hcr_el2", v[HCR]);
}

/* What counts, what is random, what crashes QEMU 7.2 or the probe. */
static int skipped(u32 encoding, int write) {
  if (encoding == 0xe111 || encoding == 0xd920 || encoding == 0xd921) return 1;
  if (write && (encoding == 0xe080 || encoding == 0xe880)) return 1;
  return 0;
}
static int volatile_value(u32 encoding) {
  u32 op1 = (encoding >> 11) & 7, crn = (encoding >> 7) & 15, crm = (encoding >> 3) & 15, op2 = encoding & 7;
  if (encoding == 0xdce8 || encoding == 0xdcea) return 1;
  /* CNTPCT and CNTVCT; CNT*_TVAL and CNT*_CVAL, which the probe writes back as they were. */
  return op1 >= 3 && crn == 14 && ((crm == 0 && op2 != 0) || ((crm == 2 || crm == 3) && op2 != 1));
}

struct result { int kind; u64 value; };
static struct result attempt(int el, u32 encoding, int write) {
  struct outcome r = { 0 };
  u32 words[2];
  int n = 0;
  if (!write) words[n++] = mrs(encoding, 0);
  else if (encoding < 0x8000) { r.x0 = (u64)scratch; words[n++] = msr(encoding, 0); }
  else words[n++] = msr(encoding, 0);
  if (write && encoding >= 0x8000) {
    /* Write back what is there. */
    struct outcome old = { 0 };
    u32 read = mrs(encoding, 0);
    if (at_el(el, &read, 1, &old) == 0) r.x0 = old.x0;
  }
  int k = at_el(el, words, n, &r);
  struct result result = { k, k == 1 ? (u32)r.esr1 : k == 2 ? (u32)r.esr2 : write ? 0 : r.x0 };
  return result;
}
static void print(struct result r, int write) {
  if (r.kind) { text("T"); hex(r.kind); put(' '); hex(r.value); }
  else if (write) text("ok");
  else { text("= "); hex(r.value); }
  put('\n');
}
static int undefined(struct result r) { return r.kind != 0 && r.value == 0x2000000; }

static u32 found[2048];
static struct result before[2048][2][2];
static int count;

static void survey(int base) {
  static unsigned char known[0x10000];
  count = 0;
  configure(base, 0, 0);
  for (u32 encoding = 0x4000; encoding < 0x10000; encoding++) {
    /* What is UNDEFINED at EL2 is so below it, and in all bases but for the names of a host's guest. */
    if (base && !known[encoding] && (encoding & 0xf800) != 0xe800) continue;
    int any = 0;
    for (int el = 2; el >= 0; el--) {
      if (el < 2 && !any) break;
      if (el == 1 && base >= 2) continue;
      for (int write = 0; write < 2; write++) {
        if (encoding < 0x8000 && !write) continue;
        if (skipped(encoding, write)) continue;
        struct result r = attempt(el, encoding, write);
        if (el < 2) before[count][el][write] = r;
        if (undefined(r)) continue;
        any = known[encoding] = 1;
        if (r.kind == 0 && !write && volatile_value(encoding)) r.value = 0;
        text("b "); text(bases[base]); put(' '); hex(el); put(write ? 'W' : 'R'); put(' '); hex(encoding); put(' ');
        print(r, write);
      }
    }
    int reserved = (encoding & 0xff80) == 0xc000 && encoding >= 0xc010 && encoding != 0xc020;
    int reserved_elsewhere = (encoding >> 14) == 3 && ((encoding >> 7) & 15) == 0 && (encoding & 0x3800) != 0 && encoding != 0xd801 && encoding != 0xd807 && encoding != 0xc801;
    if (any && !reserved && !reserved_elsewhere && count < 2047) found[count++] = encoding;
  }
}

static void vary(int base, int reg, int bit) {
  configure(base, reg, 1ul << bit);
  for (int i = 0; i < count; i++)
    for (int el = base >= 2 ? 0 : 1; el >= 0; el--)
      for (int write = 0; write < 2; write++) {
        u32 encoding = found[i];
        if ((encoding < 0x8000 && !write) || skipped(encoding, write)) continue;
        struct result old = before[i][el][write], r = attempt(el, encoding, write);
        if (old.kind == r.kind && (r.kind == 0 || old.value == r.value)) continue;
        if (r.kind == 0 && !write) r.value = 0;
        text("v "); text(bases[base]); put(' '); text(names[reg]); put('.'); text(bit >= 10 ? (char[]){ '0' + bit / 10, 0 } : "");
        put('0' + bit % 10); put(' '); hex(el); put(write ? 'W' : 'R'); put(' '); hex(encoding); put(' ');
        print(r, write);
      }
}

static const struct { int reg; u64 bits; } variations[] = {
  /* Not VM, DC, HCD, RW, TGE, E2H; not the bits that make virtual interrupts pending. */
  { HCR, 7ul << 3 | 7ul << 9 | 0x7ffe000ul | 1ul << 28 | 1ul << 30 | 7ul << 35 | 3ul << 40 | 1ul << 46 | 1ul << 53 },
  { CPTR, 1ul << 10 | 3ul << 20 | 1ul << 28 | 1ul << 31 },
  { MDCR, 0xfe0 }, { CNTHCTL, 0xf03 }, { CNTKCTL, 0x303 }, { CPACR, 3ul << 20 | 1ul << 28 },
  { SCTLR1, EL0_OPEN | 1ul << 20 }, { SCTLR2, EL0_OPEN | 1ul << 20 }, { PMUSERENR, 0xf }, { MDSCR, 1ul << 12 },
  { ICH_HCR, 1ul << 10 | 1ul << 11 | 1ul << 12 | 1ul << 14 },
};

/* MMU enables, endianness; TGE and the like in HCR_EL2 take no part: the probe runs at EL2 meanwhile. */
static u64 kept_clear(u32 encoding) {
  switch (encoding) {
    case 0xc080: case 0xe080: case 0xe880: return 1ul << 0 | 1ul << 24 | 1ul << 25;
    case 0xe111: return ~0ul;
    default: return 0;
  }
}
static void writable(int el) {
  for (u32 encoding = 0x8000; encoding < 0x10000; encoding++) {
    if (skipped(encoding, 0) || volatile_value(encoding)) continue;
    /* GIC state, DAIF, stack pointers, step and break enables. */
    if ((encoding & 0x780) == 0x600 && (encoding & 0x78) >= 0x40) continue;
    if (encoding == 0xda11 || encoding == 0xc210 || encoding == 0xc208 || encoding == 0x8012 || encoding == 0xe089) continue;
    struct outcome r = { 0 };
    u32 words[4] = { mrs(encoding, 1), msr(encoding, 0), mrs(encoding, 2), msr(encoding, 1) };
    u32 read = mrs(encoding, 0);
    if (at_el(el, &read, 1, &r) != 0) continue;
    u64 got[2];
    int k = 0;
    for (int zeros = 0; zeros < 2 && !k; zeros++) {
      struct outcome q = { 0 };
      q.x0 = zeros ? 0 : ~kept_clear(encoding);
      if (encoding == 0xe088) q.x0 = zeros ? 1ul << 31 : ~(1ul << 27 | 1ul << 12 | 1ul | 1ul << 34);
      k = at_el(el, words, 4, &q);
      got[zeros] = q.x2;
    }
    if (k) continue;
    text("w "); hex(el); put(' '); hex(encoding); put(' '); hex(got[0]); put(' '); hex(got[1]); put('\n');
  }
}

void main(void) {
  u64 mmfr1;
  __asm__("mrs %0, id_aa64mmfr1_el1" : "=r"(mmfr1));
  int vhe = (mmfr1 >> 8) & 15;
  for (int base = 0; base < 4; base++) {
    if ((base == 1 || base == 2) && !vhe) continue;
    survey(base);
    for (unsigned i = 0; i < sizeof variations / sizeof variations[0]; i++)
      for (int bit = 0; bit < 64; bit++)
        if ((variations[i].bits >> bit) & 1) vary(base, variations[i].reg, bit);
  }
  configure(0, 0, 0);
  writable(2);
  writable(1);
}
