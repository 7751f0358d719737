    .section .rodata
    .balign 8
    .globl guest_start, guest_end
guest_start:
    .incbin PAYLOAD
guest_end:
