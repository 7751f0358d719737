// The guest that kvm_host.c runs: entry, vectors, page table. It starts at EL1 with the MMU off, x0 is 2 or 3: the GIC's version.
    .section .start, "ax"
    .globl _start
_start:
    mov x19, x0
    adrp x1, stack_end
    mov sp, x1
    mov x2, #(3 << 20)              // CPACR_EL1.FPEN
    msr cpacr_el1, x2
    adr x1, vectors
    msr vbar_el1, x1
    // Identity: the first GiB is Device, the second is memory.
    adrp x1, table
    mov x2, #0x0401                 // block, AF, attribute 0
    str x2, [x1]
    mov x2, #0x0705                 // block, AF, inner shareable, attribute 1
    movk x2, #0x4000, lsl #16
    str x2, [x1, #8]
    dsb ish
    mov x2, #0xff04                 // attribute 0: Device-nGnRE, 1: write-back
    msr mair_el1, x2
    ldr x2, =0x80003519             // T0SZ 25, write-back walks, inner shareable, EPD1 by TCR bit 23 below
    orr x2, x2, #(1 << 23)
    msr tcr_el1, x2
    msr ttbr0_el1, x1
    isb
    tlbi vmalle1
    dsb ish
    isb
    mrs x2, sctlr_el1
    mov x3, #0x1005
    orr x2, x2, x3                  // M, C, I
    msr sctlr_el1, x2
    isb
    mov x0, x19
    bl guest_main
1:  wfi
    b 1b

    .balign 0x800
vectors:
    .rept 5
    mov x0, #'!'
    b unexpected
    .balign 0x80
    .endr
    // IRQ from the current level with SP_EL1.
    stp x0, x1, [sp, #-192]!
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x30, [sp, #144]
    bl guest_interrupt
    ldp x2, x3, [sp, #16]
    b restore
    .balign 0x80
    .rept 10
    mov x0, #'!'
    b unexpected
    .balign 0x80
    .endr
restore:
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldp x18, x30, [sp, #144]
    ldp x0, x1, [sp], #192
    eret
unexpected:
    mrs x1, esr_el1
    mrs x2, elr_el1
    b guest_unexpected

    .globl hypercall
hypercall:
    hvc #0
    ret

    .bss
    .balign 4096
table:
    .skip 4096
stack:
    .skip 16384
stack_end:
