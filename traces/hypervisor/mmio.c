/* Devices that a guest reaches through stage-2 data aborts: a PL011 and the programming side of its GIC. */
#include "gic.h"
#include "hypervisor.h"
#include "pl011.h"
#include "print.h"

#define ISS_ISV (1u << 24)
#define ISS_WRITE (1u << 6)
#define ISS_SIGN_EXTEND (1u << 21)
#define DFSC_TRANSLATION 0x04u
#define DFSC_LEVEL 0x03u

/* Whole lines only, so that the guests' output does not mix. */
static void put_line(struct vcpu *vcpu, char c)
{
  if (c != '\n')
    vcpu->line[vcpu->line_used++] = c;
  if (vcpu->line_used == 0)
    return;
  if (c == '\n' || vcpu->line_used == LINE_LENGTH - 1) {
    vcpu->line[vcpu->line_used] = 0;
    print("guest %u| %s\n", vcpu->id, vcpu->line);
    vcpu->line_used = 0;
  }
}

static u64 uart_read(u64 offset) { return offset == PL011_UARTFR ? PL011_UARTFR_TXFE | PL011_UARTFR_RXFE : 0; }

static void uart_write(u64 offset, u64 value)
{
  if (offset == PL011_UARTDR)
    put_line(current, (char)value);
}

/* The registers of SGIs and PPIs: in GICD of a GICv2, in the second GICR frame of a GICv3, at the same offsets. */
static u64 private_read(u64 offset)
{
  return offset == GICD_ISENABLER || offset == GICD_ICENABLER ? current->vgic.enabled : 0;
}

static void private_write(u64 offset, u64 value)
{
  struct vgic *vgic = &current->vgic;
  if (offset == GICD_ISENABLER) {
    vgic->enabled |= value;
    vgic_fill(vgic);
  } else if (offset == GICD_ICENABLER) {
    vgic->enabled &= ~value;
  } else if (offset >= GICD_IPRIORITYR && offset < GICD_IPRIORITYR + 32) {
    vgic->priority[offset - GICD_IPRIORITYR] = value;
  }
}

static u64 distributor_read(u64 offset)
{
  if (offset == (gic->version == 2 ? GICD_PIDR2_V2 : GICD_PIDR2_V3))
    return gic->version << 4;
  return gic->version == 2 ? private_read(offset) : 0;
}

static void distributor_write(u64 offset, u64 value)
{
  if (offset == GICD_SGIR) {
    vgic_inject(&current->vgic, value & 0xf);
    vgic_fill(&current->vgic);
  } else if (gic->version == 2) {
    private_write(offset, value);
  }
}

static u64 redistributor_read(u64 offset) { return offset >= 0x10000 ? private_read(offset - 0x10000) : 0; }

static void redistributor_write(u64 offset, u64 value)
{
  if (offset >= 0x10000)
    private_write(offset - 0x10000, value);
}

static const struct {
  u64 base, size;
  u64 (*read)(u64 offset);
  void (*write)(u64 offset, u64 value);
} devices[] = {
    {PL011_BASE, 0x1000, uart_read, uart_write},
    {GICD_BASE, 0x10000, distributor_read, distributor_write},
    {GICR_BASE, 0x20000, redistributor_read, redistributor_write},
};

bool emulate_mmio(struct exception_frame *frame, u64 ipa)
{
  u32 iss = ESR_ISS(frame->esr), rt = (iss >> 16) & 31;
  if (!(iss & ISS_ISV) || (iss & ISS_SIGN_EXTEND) || (iss & 0x3f & ~DFSC_LEVEL) != DFSC_TRANSLATION)
    return false;
  for (unsigned n = 0; n < array_length(devices); n++) {
    u64 offset = ipa - devices[n].base;
    if (offset >= devices[n].size)
      continue;
    u64 bits = 8ul << ((iss >> 22) & 3), mask = bits == 64 ? ~0ul : (1ul << bits) - 1;
    if (iss & ISS_WRITE)
      devices[n].write(offset, rt == 31 ? 0 : frame->x[rt] & mask);
    else if (rt != 31)
      frame->x[rt] = devices[n].read(offset) & mask;
    frame->elr += 4;
    return true;
  }
  return false;
}
