#include "vgic.h"
#include "gic.h"

static const struct list_register_driver *lists;
static unsigned list_count;

void vgic_init(void)
{
  lists = gic->version == 2 ? &list_registers_v2 : &list_registers_v3;
  list_count = lists->count() < LIST_REGISTERS ? lists->count() : LIST_REGISTERS;
}

unsigned vgic_list_registers(void) { return list_count; }

static enum list_state state_of(u64 value) { return (value >> lists->state_shift) & 3; }

void vgic_reset(struct vgic *vgic)
{
  *vgic = (struct vgic){.enabled = 0xffff}; /* SGIs are always enabled here */
}

void vgic_inject(struct vgic *vgic, u32 intid) { vgic->pending |= 1u << intid; }

/* The list register to use for an interrupt: the one it is in already, else an empty one, else none (list_count). */
static unsigned find_list(u32 intid)
{
  unsigned empty = list_count;
  for (unsigned n = 0; n < list_count; n++) {
    u64 value = lists->read(n);
    if (state_of(value) == LIST_EMPTY)
      empty = n;
    else if (lists->intid(value) == intid)
      return n;
  }
  return empty;
}

void vgic_fill(struct vgic *vgic)
{
  u32 waiting = vgic->pending & vgic->enabled;
  bool full = false;
  for (u32 intid = 0; intid < 32; intid++) {
    if (!(waiting & (1u << intid)))
      continue;
    unsigned n = find_list(intid);
    if (n == list_count) {
      full = true;
      break;
    }
    bool hardware = intid == INTID_VIRTUAL_TIMER;
    u64 state = state_of(lists->read(n)) | LIST_PENDING;
    lists->write(n, lists->encode(intid, vgic->priority[intid], hardware) | state << lists->state_shift);
    vgic->pending &= ~(1u << intid);
  }
  lists->control(full);
}

void vgic_save(struct vgic *vgic)
{
  bool timer_active = vgic->pending & (1u << INTID_VIRTUAL_TIMER);
  for (unsigned n = 0; n < list_count; n++) {
    vgic->list[n] = lists->read(n);
    lists->write(n, 0);
    if (state_of(vgic->list[n]) != LIST_EMPTY && lists->intid(vgic->list[n]) == INTID_VIRTUAL_TIMER)
      timer_active = true;
  }
  vgic->vmcr = lists->read_vmcr();
  vgic->active_priorities = lists->read_active_priorities();
  vgic->timer_active = timer_active;
  gic_set_active(INTID_VIRTUAL_TIMER, false);
}

void vgic_load(struct vgic *vgic)
{
  gic_set_active(INTID_VIRTUAL_TIMER, vgic->timer_active);
  lists->write_vmcr(vgic->vmcr);
  lists->write_active_priorities(vgic->active_priorities);
  for (unsigned n = 0; n < list_count; n++)
    lists->write(n, vgic->list[n]);
  vgic_fill(vgic);
}

bool vgic_has_pending(const struct vgic *vgic)
{
  bool pending = vgic->pending & vgic->enabled;
  for (unsigned n = 0; n < list_count; n++)
    pending |= state_of(vgic->list[n]) & LIST_PENDING;
  return pending;
}
