/* Where things are: for C, assembly and the linker script. */
#ifndef LAYOUT_H
#define LAYOUT_H

#define HYPERVISOR_BASE 0x40200000

/* Exceptions use the boot stack at an address of its own, with nothing mapped below it. */
#define HYPERVISOR_STACK_SIZE 0x4000
#define HYPERVISOR_STACK_VA 0x00800000
#define HYPERVISOR_STACK_TOP (HYPERVISOR_STACK_VA + HYPERVISOR_STACK_SIZE)

/* Each guest sees its RAM where the board has it, and runs its kernel at a virtual address of its own. */
#define GUEST_IPA 0x40000000
#define GUEST_RAM_SIZE 0x01000000
#define GUEST_1_PA 0x48000000
#define GUEST_2_PA 0x49000000
#define GUEST_1_VA 0xffffff8011000000
#define GUEST_2_VA 0xffffff8022000000

/* A payload begins with the size of its read-only part, in bytes. Then comes its first instruction. */
#define PAYLOAD_ENTRY 8

/* A guest kernel's memory: the tables of its upper half, its one stack above them, the tables of its lower half. */
#define UPPER_TABLES 3
#define LOWER_TABLES 8
#define KERNEL_STACK_SIZE 0x2000
#define KERNEL_STACK_TOP (UPPER_TABLES * 0x1000 + KERNEL_STACK_SIZE) /* from the start of kernel_memory */

#endif
