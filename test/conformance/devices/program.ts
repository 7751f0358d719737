/**
 * A bare-metal program made of accesses to the interrupt controller, in order, by one CPU or by several in turn; it prints what each
 * read, and ISR_EL1 behind it. Interrupts stay masked. What is acknowledged is remembered by the program itself, so that the
 * sequence is one that software may do, whatever the controller answers.
 */

/** Interrupts that were acknowledged; virtual ones have a memory of their own. */
export type Interface = 'physical' | 'virtual';

export type Access =
  | {
      readonly kind: 'read';
      readonly name: string;
      readonly address: number;
      readonly size: 1 | 4;
      /** Bits of the value that are compared: ones from bit 0 on. */
      readonly mask?: number;
    }
  | {
      readonly kind: 'write';
      readonly name: string;
      readonly address: number;
      readonly size: 1 | 4;
      readonly value: number;
    }
  /** Four words of 64 bits to the end of the ITS's queue, and GITS_CWRITER behind them; reads GITS_CREADR. */
  | {
      readonly kind: 'command';
      readonly name: string;
      readonly words: readonly bigint[];
      readonly at: number;
      /** GITS_CWRITER behind the command. */
      readonly writer: number;
    }
  | { readonly kind: 'mrs'; readonly name: string; readonly register: string; readonly el: 1 | 2 }
  | {
      readonly kind: 'msr';
      readonly name: string;
      readonly register: string;
      readonly el: 1 | 2;
      readonly value: bigint;
    }
  /** Reads IAR; a valid interrupt becomes the last acknowledged. */
  | { readonly kind: 'acknowledge'; readonly name: string; readonly on: Interface; readonly from: Place }
  /** Ends the last acknowledged interrupt, if any, by EOIR of its group. `keep`: it is still to be deactivated. */
  | {
      readonly kind: 'end';
      readonly name: string;
      readonly on: Interface;
      readonly keep: boolean;
      readonly to: readonly [Place, Place];
    }
  /** Deactivates what was ended last and kept, if anything, by DIR. */
  | { readonly kind: 'deactivate'; readonly name: string; readonly on: Interface; readonly to: Place };

/** A register in memory or a system register, and the group that it is for. */
export type Place =
  | { readonly address: number; readonly group?: 0 | 1 }
  | { readonly register: string; readonly el: 1 | 2; readonly group?: 0 | 1 };

export interface Step {
  readonly cpu: number;
  readonly access: Access;
}

/**
 * Registers: x9 the results, x19 to x22 the depths of the memories (acknowledged physical and virtual; kept physical and
 * virtual), x23 their base, x24 this CPU's number. x0 is the value of the access.
 */
const DEPTH = { physical: 'x19', virtual: 'x20' } as const;
const KEPT = { physical: 'x21', virtual: 'x22' } as const;
const MEMORY = { physical: 0, virtual: 0x400, 'kept physical': 0x800, 'kept virtual': 0xc00 } as const;

/** The ITS's control frame. */
export const GITS = 0x0808_0000;

const constant = (register: string, value: number | bigint): string[] => {
  const halves = [0n, 16n, 32n, 48n].map((shift) => (BigInt(value) >> shift) & 0xffffn);
  return halves.flatMap((half, i) =>
    i === 0
      ? [`movz ${register}, #${half}`]
      : half === 0n
        ? []
        : [`movk ${register}, #${half}, lsl #${16 * i}`],
  );
};

/** One instruction at EL1: EL2 takes itself there and comes back by HVC. */
const at = (el: 1 | 2, instruction: string): string[] =>
  el === 2 ? [instruction] : ['to_el1', instruction, 'hvc #1'];

const load = (place: Place): string[] =>
  'address' in place
    ? [...constant('x1', place.address), 'ldr w0, [x1]']
    : at(place.el, `mrs x0, ${place.register}`);
const store = (place: Place, value: string): string[] =>
  'address' in place
    ? [...constant('x1', place.address), `str ${value.replace('x', 'w')}, [x1]`]
    : at(place.el, `msr ${place.register}, ${value}`);

const push = (depth: string, memory: number, value: string): string[] => [
  `add x4, x23, #${memory}`,
  `str ${value}, [x4, ${depth}, lsl #3]`,
  `add ${depth}, ${depth}, #1`,
];
const pop = (depth: string, memory: number): string[] => [
  `sub ${depth}, ${depth}, #1`,
  `add x4, x23, #${memory}`,
  `ldr x0, [x4, ${depth}, lsl #3]`,
];

function lines(access: Access): string[] {
  switch (access.kind) {
    case 'read':
      return [
        ...constant('x1', access.address),
        access.size === 1 ? 'ldrb w0, [x1]' : 'ldr w0, [x1]',
        ...(access.mask === undefined ? [] : [`and x0, x0, #${access.mask}`]),
      ];
    case 'write':
      return [
        ...constant('x0', access.value >>> 0),
        ...constant('x1', access.address),
        access.size === 1 ? 'strb w0, [x1]' : 'str w0, [x1]',
      ];
    case 'command':
      return [
        ...constant('x1', access.at),
        ...access.words.flatMap((word) => [...constant('x0', word), 'str x0, [x1], #8']),
        ...constant('x1', GITS),
        ...constant('x0', access.writer),
        'str w0, [x1, #0x88]',
        'ldr w0, [x1, #0x90]',
      ];
    case 'mrs':
      return at(access.el, `mrs x0, ${access.register}`);
    case 'msr':
      return [...constant('x0', access.value), ...at(access.el, `msr ${access.register}, x0`)];
    case 'acknowledge':
      // Bit 32 is the group; 1020 to 1023 are no interrupts.
      return [
        ...load(access.from),
        'and x1, x0, #0x3ff',
        'cmp x1, #1020',
        'b.hs 1f',
        `orr x1, x0, #${access.from.group === 1 ? '0x100000000' : '0x200000000'}`,
        ...push(DEPTH[access.on], MEMORY[access.on], 'x1'),
        '1:',
      ];
    case 'end':
      return [
        'mov x0, #-1',
        `cbz ${DEPTH[access.on]}, 1f`,
        ...pop(DEPTH[access.on], MEMORY[access.on]),
        'mov w2, w0',
        'tbnz x0, #32, 2f',
        ...store(access.to[0], 'x2'),
        'b 3f',
        '2:',
        ...store(access.to[1], 'x2'),
        '3:',
        ...(access.keep ? push(KEPT[access.on], MEMORY[`kept ${access.on}`], 'x0') : []),
        '1:',
      ];
    case 'deactivate':
      return [
        'mov x0, #-1',
        `cbz ${KEPT[access.on]}, 1f`,
        ...pop(KEPT[access.on], MEMORY[`kept ${access.on}`]),
        'mov w2, w0',
        ...store(access.to, 'x2'),
        '1:',
      ];
  }
}

/** The program of a sequence. `setUp`: assembly that every CPU runs first. */
export function program(steps: readonly Step[], cpus: number, setUp: readonly string[]): string {
  const streams = Array.from({ length: cpus }, (_, cpu) => [
    `cpu${cpu}:`,
    ...steps.flatMap((step, i) =>
      step.cpu !== cpu
        ? []
        : [
            ...(cpus > 1 ? [...constant('x25', i), 'bl wait_for_turn'] : []),
            ...lines(step.access),
            'mrs x1, isr_el1',
            ...constant('x2', 16 * i),
            'add x2, x2, x9',
            'stp x0, x1, [x2]',
            ...(cpus > 1 ? [...constant('x25', i + 1), 'str x25, [x26]'] : []),
          ],
    ),
    cpu === 0 ? 'b print' : '1: wfe\nb 1b',
  ]).flat();
  return `
.macro to_el1
  mov x28, #0x3c5
  msr spsr_el2, x28
  adr x28, 9f
  msr elr_el2, x28
  eret
9:
.endm
.global _start
_start:
  mov x24, #0
common:
  adr x0, vectors
  msr vbar_el2, x0
  ldr x0, =0x80000000
  msr hcr_el2, x0
  mov x0, #0x30d00000
  msr sctlr_el1, x0
  ldr x9, =results
  ldr x26, =turn
  ldr x23, =memory
  add x23, x23, x24, lsl #12
  mov x19, #0
  mov x20, #0
  mov x21, #0
  mov x22, #0
  isb
${setUp.join('\n')}
  cbnz x24, secondary
${
  cpus > 1
    ? `  ldr x0, =0xc4000003
  mov x1, #1
  adr x2, _secondary
  mov x3, #0
  smc #0`
    : ''
}
  b cpu0
_secondary:
  mov x24, #1
  b common
secondary:
  ${cpus > 1 ? 'b cpu1' : 'b .'}
wait_for_turn:
  ldr x27, [x26]
  cmp x27, x25
  b.eq 1f
  yield
  b wait_for_turn
1: ret
${streams.join('\n')}
print:
${cpus > 1 ? [...constant('x25', steps.length), 'bl wait_for_turn'].join('\n') : ''}
  ldr x10, =0x09000000
  mov x11, #${2 * steps.length}
1: ldr x0, [x9], #8
  mov x12, #16
2: ror x0, x0, #60
  and x1, x0, #15
  add x2, x1, #48
  add x3, x1, #87
  cmp x1, #10
  csel x2, x2, x3, lo
  strb w2, [x10]
  subs x12, x12, #1
  b.ne 2b
  mov w2, #10
  strb w2, [x10]
  subs x11, x11, #1
  b.ne 1b
  ldr x0, =0x84000008
  smc #0
  b .
.ltorg
/* HVC #1: EL2 goes on behind it. What is UNDEFINED reads as 0xbad. */
.balign 0x800
vectors:
.rept 16
.balign 0x80
  mrs x28, esr_el2
  lsr x28, x28, #26
  cmp x28, #0x16
  b.eq 1f
  mov x0, #0xbad
  mrs x28, elr_el2
  add x28, x28, #4
  msr elr_el2, x28
  eret
1: mov x28, #0x3c9
  msr spsr_el2, x28
  eret
.endr
.data
.balign 4096
turn: .quad 0
.balign 4096
memory: .skip 8192
.balign 16
results: .skip ${16 * steps.length}
`;
}

/** A step in words, for a report. */
export function inWords({ cpu, access }: Step): string {
  const value = 'value' in access ? ` = 0x${access.value.toString(16)}` : '';
  const words = 'words' in access ? ` ${access.words.map((word) => `0x${word.toString(16)}`).join(' ')}` : '';
  const el = 'el' in access && access.el === 1 ? ' at EL1' : '';
  return `cpu${cpu} ${access.kind} ${access.name}${value}${words}${el}`;
}
