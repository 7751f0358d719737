/*
 * A guest's virtual interrupt controller: its pending and enabled SGIs and PPIs in software, and up to four of them in
 * the hardware's list registers. The two GIC versions differ in where these are and how they are laid out.
 */
#ifndef VGIC_H
#define VGIC_H

#include "types.h"

#define LIST_REGISTERS 4

struct vgic {
  u32 pending, enabled; /* a bit for each of INTID 0 to 31; pending: and not in a list register yet */
  u8 priority[32];
  u64 list[LIST_REGISTERS];
  u64 vmcr, active_priorities;
  bool timer_active; /* the physical timer interrupt belongs to this guest until its EOI */
};

enum list_state { LIST_EMPTY = 0, LIST_PENDING = 1, LIST_ACTIVE = 2, LIST_PENDING_ACTIVE = 3 };

struct list_register_driver {
  unsigned (*count)(void);
  u64 (*read)(unsigned n);
  void (*write)(unsigned n, u64 value);
  u64 (*encode)(u32 intid, u8 priority, bool hardware);
  u32 (*intid)(u64 value);
  unsigned state_shift;
  void (*control)(bool underflow_interrupt);
  u64 (*read_vmcr)(void);
  void (*write_vmcr)(u64 value);
  u64 (*read_active_priorities)(void);
  void (*write_active_priorities)(u64 value);
};
extern const struct list_register_driver list_registers_v2, list_registers_v3;

void vgic_init(void);
unsigned vgic_list_registers(void);
void vgic_reset(struct vgic *vgic);
/* Make an interrupt pending. Call vgic_fill when the guest is the one that runs. */
void vgic_inject(struct vgic *vgic, u32 intid);
/* Move what is pending and enabled to free list registers; ask for an underflow interrupt if some had to wait. */
void vgic_fill(struct vgic *vgic);
void vgic_save(struct vgic *vgic);
void vgic_load(struct vgic *vgic);
/* Of a guest that does not run. */
bool vgic_has_pending(const struct vgic *vgic);

#endif
