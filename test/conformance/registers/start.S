// Entry of the probe, vectors, and run(): executes a piece of code at an exception level and comes back with what it did.
.section .text.start
.global _start
_start:
  adrp x0, stack_top
  add x0, x0, :lo12:stack_top
  mov sp, x0
  adr x0, vectors_el2
  msr vbar_el2, x0
  adr x0, vectors_el1
  msr vbar_el1, x0
  bl main
1:
  movz x0, #0x0008
  movk x0, #0x8400, lsl #16
  smc #0
  b 1b

// run(entry, spsr, struct outcome *): x0 to x3 in and out, then the syndromes.
.global run
run:
  stp x19, x20, [sp, #-16]!
  stp x21, x22, [sp, #-16]!
  stp x23, x24, [sp, #-16]!
  stp x25, x26, [sp, #-16]!
  stp x27, x28, [sp, #-16]!
  stp x29, x30, [sp, #-16]!
  msr tpidr_el2, x2
  msr elr_el2, x0
  msr spsr_el2, x1
  mov x9, sp
  adr x10, saved_sp
  str x9, [x10]
  mov x4, x2
  ldp x0, x1, [x4]
  ldp x2, x3, [x4, #16]
  eret
.balign 8
saved_sp: .quad 0
back:
  msr spsel, #1
  adr x9, saved_sp
  ldr x9, [x9]
  mov sp, x9
  mrs x4, tpidr_el2
  stp x0, x1, [x4]
  stp x2, x3, [x4, #16]
  // Without E2H the names of EL1 mean EL1.
  mrs x7, hcr_el2
  bic x8, x7, #(1 << 34)
  msr hcr_el2, x8
  isb
  mrs x5, esr_el2
  mrs x6, esr_el1
  stp x5, x6, [x4, #32]
  msr hcr_el2, x7
  isb
  ldp x29, x30, [sp], #16
  ldp x27, x28, [sp], #16
  ldp x25, x26, [sp], #16
  ldp x23, x24, [sp], #16
  ldp x21, x22, [sp], #16
  ldp x19, x20, [sp], #16
  ret

.balign 2048
vectors_el2:
.rept 16
  b back
  .balign 128
.endr
vectors_el1:
.rept 16
  hvc #1
  .balign 128
.endr

.global memset
memset:
  mov x3, x0
1:
  cbz x2, 2f
  strb w1, [x3], #1
  sub x2, x2, #1
  b 1b
2:
  ret

.bss
.balign 16
.space 65536
stack_top:
