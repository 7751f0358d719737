.section .text.start
.global _start
_start:
  adrp x0, stack_top
  add x0, x0, :lo12:stack_top
  mov sp, x0
  adr x0, vec2
  msr vbar_el2, x0
  adr x0, vec1
  msr vbar_el1, x0
  bl main
1: ldr x0,=0x84000008
  smc #0
  b 1b
// run(word buffer, spsr, x0, x1in/out pointer) : result struct
.global run
run: // x0=entry x1=spsr x2=regs* (x0,x1,x2,x3 in/out; esr_el2, esr_el1, viaEl1)
  stp x19,x20,[sp,#-16]!
  stp x21,x22,[sp,#-16]!
  stp x23,x24,[sp,#-16]!
  stp x25,x26,[sp,#-16]!
  stp x27,x28,[sp,#-16]!
  stp x29,x30,[sp,#-16]!
  msr tpidr_el2, x2
  msr elr_el2, x0
  msr spsr_el2, x1
  mov x9, sp
  adr x10, saved_sp
  str x9,[x10]
  mov x4,x2
  ldp x0,x1,[x4]
  ldp x2,x3,[x4,#16]
  eret
.balign 8
saved_sp: .quad 0
back:
  msr spsel, #1
  adr x9, saved_sp
  ldr x9,[x9]
  mov sp, x9
  mrs x4, tpidr_el2
  stp x0,x1,[x4]
  stp x2,x3,[x4,#16]
  mrs x5, esr_el2
  mrs x6, esr_el1
  stp x5,x6,[x4,#32]
  mrs x5, elr_el2
  mrs x6, elr_el1
  stp x5,x6,[x4,#48]
  mrs x5, far_el2
  mrs x6, hpfar_el2
  stp x5,x6,[x4,#64]
  ldp x29,x30,[sp],#16
  ldp x27,x28,[sp],#16
  ldp x25,x26,[sp],#16
  ldp x23,x24,[sp],#16
  ldp x21,x22,[sp],#16
  ldp x19,x20,[sp],#16
  ret
.balign 2048
vec2:
.rept 16
  b back
  .balign 128
.endr
vec1:
.rept 16
  hvc #1
  .balign 128
.endr
.bss
.balign 16
.space 65536
stack_top:
.text
.global memcpy
memcpy: mov x3,x0
1: cbz x2,2f
 ldrb w4,[x1],#1
 strb w4,[x3],#1
 sub x2,x2,#1
 b 1b
2: ret
.global memset
memset: mov x3,x0
1: cbz x2,2f
 strb w1,[x3],#1
 sub x2,x2,#1
 b 1b
2: ret
