/* The hypervisor's parts, and what each offers the others. */
#ifndef HYPERVISOR_H
#define HYPERVISOR_H

#include "vcpu.h"

/* memory.c: EL2's own tables, the guests' stage 2, and copies from guest memory. */
void enable_el2_mmu(void);
void build_stage2(struct vcpu *vcpu, u64 ram);
bool copy_from_guest(const struct vcpu *vcpu, void *to, u64 ipa, u64 size);
void keep_statistic(u64 key, u64 value);
bool seal(const struct vcpu *vcpu, u64 ipa, u64 size);
const char *guest_string(const struct vcpu *vcpu, u64 ipa, u64 size); /* 0: not the guest's, or too long */

/* scheduler.c */
void start_guests(void);
void wait_for_interrupt(struct exception_frame *frame);
void yield(struct exception_frame *frame);
void stop_guest(struct exception_frame *frame);
void take_interrupt(struct exception_frame *frame);

/* traps.c */
void take_trapped_access(struct exception_frame *frame);
void take_hypercall(struct exception_frame *frame);
void take_psci_call(struct exception_frame *frame);
void inject_undefined(struct exception_frame *frame);

/* mmio.c */
bool emulate_mmio(struct exception_frame *frame, u64 ipa);

/* panic.c */
_Noreturn void panic(const char *why, const struct exception_frame *frame);

/* vectors.S */
_Noreturn void enter_guest(const struct exception_frame *frame);

#endif
