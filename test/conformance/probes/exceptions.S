/* What advances QEMU's clock: exceptions and what raises them, one probe each. */
#include "probe.h"
.global _start
_start:
  adr x0, vectors_el2
  msr vbar_el2, x0
  adr x0, vectors_el1
  msr vbar_el1, x0
  mov x0, #0x80000000
  msr hcr_el2, x0
  isb

  /* At EL2, MMU off. */
  begin nothing, uncounted=0
  end
  begin three_nops, uncounted=0
  nop
  nop
  nop
  end
  begin svc_at_el2, uncounted=0
  svc #1
  end
  begin hvc_at_el2, uncounted=0
  hvc #1
  end
  ldr x0, =0x84000000
  begin smc_psci, uncounted=0
  smc #0
  end
  ldr x0, =0x8400dead
  begin smc_unknown, uncounted=0
  smc #0
  end
  begin udf, uncounted=0
  .word 0
  end
  begin unallocated, uncounted=0
  .word 0xffffffff
  end
  begin undefined_sysreg, uncounted=0
  mrs x0, s3_0_c15_c15_7
  end
  begin brk, uncounted=0
  brk #1
  end
  begin hlt, uncounted=0
  hlt #1
  end
  ldr x0, =0xc0000000
  begin ldr_external_abort, uncounted=1
  ldr x1, [x0]
  end
  begin str_external_abort, uncounted=1
  str x1, [x0]
  end
  begin fetch_external_abort_blr, uncounted=0
  blr x0
  end
  adr x0, scratch + 2
  begin blr_misaligned_pc, uncounted=0
  blr x0
  end
  ldr x0, =0x09000018
  begin mmio_read, uncounted=0
  ldr w1, [x0]
  end
  begin mmio_write, uncounted=0
  str w1, [x0]
  end
  begin mmio_ldp, uncounted=0
  ldp w1, w2, [x0]
  end
  begin mmio_ldr64, uncounted=0
  ldr x1, [x0]
  end
  ldr x0, =0x09000fe1
  begin mmio_unaligned_with_mmu_off, uncounted=0
  ldr w1, [x0]
  end
  adr x0, scratch
  ldr x1, =0x09000018
  begin mmio_ldp_ram_to_str, uncounted=0
  ldp x2, x3, [x0]
  str w2, [x1]
  end
  adr x0, scratch + 1
  begin ldr_unaligned_with_mmu_off, uncounted=0
  ldr x1, [x0]
  end
  begin ldxr_unaligned, uncounted=1
  ldxr x1, [x0]
  end
  begin ldar_unaligned, uncounted=1
  ldar x1, [x0]
  end
  begin stlr_unaligned, uncounted=1
  stlr x1, [x0]
  end
  adr x0, scratch
  begin exclusive_pair_of_instructions, uncounted=0
  ldxr x1, [x0]
  stxr w2, x1, [x0]
  end
  begin exclusive_failing, uncounted=0
  clrex
  stxr w2, x1, [x0]
  end
  begin ldxp_stxp, uncounted=0
  ldxp x1, x3, [x0]
  stxp w2, x1, x3, [x0]
  end
  begin dc_zva_mmu_off, uncounted=0
  dc zva, x0
  end
  begin barriers, uncounted=0
  isb
  dsb sy
  dmb sy
  end
  begin cache_ops, uncounted=0
  ic iallu
  dc civac, x0
  ic ivau, x0
  end
  begin tlbi, uncounted=0
  tlbi alle2
  tlbi vmalls12e1
  tlbi alle1
  end
  begin at_ops, uncounted=0
  at s1e1r, x0
  at s12e1w, x0
  at s1e2r, x0
  end
  begin hints, uncounted=0
  yield
  sev
  wfe
  sevl
  wfe
  wfe
  end
  begin psci_version_again, uncounted=0
  mov w0, #0x84000000
  smc #0
  end
  /* Self-modifying: the store is to the page that executes. */
  adr x0, 4f
  ldr w1, [x0]
  begin store_to_own_page, uncounted=0
  str w1, [x0]
  end
  begin store_to_next_instruction, uncounted=0
  str w1, [x0]
4: nop
  end
  ldr w2, =0xd2800545 // mov x5, #42
  adr x0, 5f
  begin store_new_code, uncounted=0
  str w2, [x0]
  isb
5: nop
  end
  begin msr_daif_and_spsel, uncounted=0
  msr daifset, #2
  msr daifclr, #2
  msr daifset, #2
  msr spsel, #0
  msr spsel, #1
  end
  adr x0, 6f
  msr elr_el2, x0
  mov x0, #0x3c9
  msr spsr_el2, x0
  begin eret_to_el2, uncounted=0
  eret
6:
  end
  adr x0, 7f
  msr elr_el2, x0
  mov x0, #0x3c9
  movk x0, #0x10, lsl #16
  msr spsr_el2, x0
  begin illegal_state, uncounted=0
  eret
7: nop
  end

  /* EL2 with its MMU on. */
  ldr x0, =0xff44
  msr mair_el2, x0
  ldr x0, =0x80803519
  msr tcr_el2, x0
  adr x0, stage1
  msr ttbr0_el2, x0
  msr ttbr0_el1, x0
  isb
  ldr x0, =0x30c50831
  begin mmu_on, uncounted=0
  msr sctlr_el2, x0
  isb
  end
  ldr x0, =0x80001000
  begin ldr_translation_fault, uncounted=1
  ldr x1, [x0]
  end
  begin str_translation_fault, uncounted=1
  str x1, [x0]
  end
  begin ldp_second_half_faults, uncounted=1
  ldp x1, x2, [x0, #-8]
  end
  begin stp_second_half_faults, uncounted=1
  stp x1, x2, [x0, #-8]
  end
  sub x3, x0, #4
  begin ldr_crosses_into_fault, uncounted=1
  ldr x1, [x3]
  end
  begin str_crosses_into_fault, uncounted=1
  str x1, [x3]
  end
  begin dc_zva_fault, uncounted=1
  dc zva, x0
  end
  begin dc_civac_fault, uncounted=0
  dc civac, x0
  end
  begin ic_ivau_fault, uncounted=0
  ic ivau, x0
  end
  begin ldxr_fault, uncounted=1
  ldxr x1, [x0]
  end
  begin stxr_without_monitor_fault, uncounted=0
  clrex
  stxr w2, x1, [x0]
  end
  begin prefetch_unmapped, uncounted=0
  prfm pldl1keep, [x0]
  end
  begin fetch_translation_fault, uncounted=0
  blr x0
  end
  begin at_translation_fault, uncounted=0
  at s1e2r, x0
  end
  begin tlb_miss_hit, uncounted=0
  ldr x1, [x0, #-16]
  ldr x1, [x0, #-16]
  end
  ldr x0, =0x80002000
  begin str_permission_fault, uncounted=1
  str x1, [x0]
  end
  ldr x0, =0x80003000
  begin ldr_access_flag_fault, uncounted=1
  ldr x1, [x0]
  end
  begin fetch_access_flag_fault, uncounted=0
  blr x0
  end
  ldr x0, =0x80000000
  begin fetch_permission_fault, uncounted=0
  blr x0
  end
  ldr x0, =0x80001000
  begin casal_free_atomics_absent, uncounted=0
  .word 0xc8e0fc01           // CASAL: UNDEFINED on this CPU
  end
  ldr x0, =0x00000000
  ldr x1, =0x08000ffc
  begin device_read_as_zero, uncounted=0
  ldr w2, [x1]
  end
  ldr x1, =0x09000019
  begin device_unaligned, uncounted=0
  ldr w2, [x1]
  end
  mov x0, #0x400
  msr cptr_el2, x0
  isb
  begin fp_trapped, uncounted=0
  fmov d0, #1.0
  end
  msr cptr_el2, xzr
  isb
  begin fp, uncounted=0
  fmov d0, #1.0
  end
  adr x0, scratch + 2
  msr elr_el2, x0
  mov x0, #0x3c9
  msr spsr_el2, x0
  adr x30, 10f
  begin eret_misaligned_pc, uncounted=0
  eret
10:
  end
  ldr x0, =0x80001000
  begin dc_zva_ram, uncounted=0
  sub x0, x0, #64
  dc zva, x0
  end

  /* EL1, stage 2 on, stage 1 off; identity except for an unmapped 3rd GiB. Traps to EL2. */
  ldr x0, =0x80823559
  msr vtcr_el2, x0
  adr x0, stage2
  msr vttbr_el2, x0
  ldr x0, =0x30d00800
  msr sctlr_el1, x0
  /* VM, TWI, TWE, TID3, TSC, TACR, RW */
  ldr x0, =0x802e6001
  msr hcr_el2, x0
  mov x0, #3
  msr cnthctl_el2, x0
  msr cntvoff_el2, xzr
  isb
  drop_to 1
  begin svc_at_el1, uncounted=0
  svc #1
  end
  begin hvc_at_el1, uncounted=0
  hvc #1
  end
  begin smc_trapped, uncounted=0
  smc #1
  end
  begin udf_at_el1, uncounted=0
  .word 0
  end
  begin trapped_mrs, uncounted=0
  mrs x0, id_aa64pfr0_el1
  end
  begin trapped_msr, uncounted=0
  msr actlr_el1, x0
  end
  begin trapped_wfi, uncounted=0
  wfi
  end
  begin trapped_wfe, uncounted=0
  wfe
  end
  begin el2_register_at_el1, uncounted=0
  mrs x0, vbar_el2
  end
  ldr x0, =0x80000000
  begin stage2_ldr, uncounted=1
  ldr x1, [x0]
  end
  begin stage2_str, uncounted=1
  str x1, [x0]
  end
  ldr x0, =0x7ffffff8
  begin stage2_ldp_second_half, uncounted=1
  ldp x1, x2, [x0]
  end
  ldr x0, =0x80000000
  begin stage2_fetch, uncounted=0
  blr x0
  end
  begin at_stage2_fault, uncounted=0
  at s1e1r, x0
  end
  /* Stage 1 on at EL1, the upper half's table where stage 2 maps nothing: the walk itself faults. */
  ldr x0, =0x80000000
  msr ttbr1_el1, x0
  ldr x0, =0xff44
  msr mair_el1, x0
  ldr x0, =0x2b5193519
  msr tcr_el1, x0
  ldr x0, =0x30d00801
  msr sctlr_el1, x0
  isb
  ldr x0, =0xffffff8000000000
  begin at_stage2_fault_on_walk, uncounted=0
  at s1e1r, x0
  end
  ldr x0, =0x30d00800
  msr sctlr_el1, x0
  isb
  ldr x0, =0x80000000
  begin ldtr_fault, uncounted=1
  ldtr x1, [x0]
  end
  begin eret_at_el1, uncounted=0
  adr x0, 8f
  msr elr_el1, x0
  mov x0, #0x3c5
  msr spsr_el1, x0
  eret
8:
  end
  /* EL0, everything off but stage 2. */
  adr x0, 9f
  msr elr_el1, x0
  mov x0, #0x3c0
  msr spsr_el1, x0
  mov x0, #3
  msr cntkctl_el1, x0
  isb
  eret
9:
  begin svc_at_el0, uncounted=0
  svc #1
  end
  begin privileged_at_el0, uncounted=0
  mrs x0, vbar_el1
  end
  begin hvc_at_el0_undefined, uncounted=0
  hvc #0
  end
  begin cntvct_counts_alike, uncounted=0
  mrs x0, cntvct_el0
  mrs x1, cntvct_el0
  end
  begin msr_daif_at_el0, uncounted=1
  msr daifset, #2
  end
  /* SYSTEM_OFF from EL0 through EL1's and EL2's skipping vectors is not possible: the run is cut by the plugin. */
  nop
  nop
finish:
  b finish
  .ltorg

  vector_table vectors_el2, 2
  vector_table vectors_el1, 1

.balign 4096
stage1: /* 1 GiB entries: device; memory; a table; */
  .quad 0x0000000000000401
  .quad 0x0000000040000705
  .quad stage1_level2 + 3
  .zero 4096 - 24
stage1_level2:
  .quad stage1_level3 + 3
  .zero 4096 - 8
stage1_level3:
  .quad scratch_page + 0x707 + (1 << 54)  // execute-never
  .quad 0
  .quad scratch_page + 0x787              // read-only
  .quad scratch_page + 0x307              // access flag clear
  .zero 4096 - 32
stage2:
  .quad 0x00000000000004c5
  .quad 0x00000000400007fd
  .zero 4096 - 16
scratch_page:
  .zero 4096
scratch:
  .zero 4096
