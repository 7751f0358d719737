/** A Linux kernel or a Xen that gave up: the text that it prints, and the call of `panic` that made it print. */
import type { Instruction } from '../../src/analysis/trace.ts';
import { type Channel, printedBytes } from '../../src/sql/console_bytes.ts';
import type { Case } from './case.ts';

const LINUX = /Kernel panic - not syncing: (.*)$/;
/** Behind it comes a line with the reason. */
const XEN = /^\(XEN\) Panic on CPU \d+:$/;
const XEN_PREFIX = '(XEN) ';
/** More instructions than panic() executes before its first message is out, on a slow console too. */
const LOOK_BACK = 4_000_000;

/** A line with so many bytes is none that announces a panic. */
const MOST_LINE = 4096;

const VMID_SHIFT = 48n;

export interface KernelPanic {
  /** The first instruction of panic(). */
  readonly at: Instruction;
  /** The kernel, the kernel of VM 1, Xen. */
  readonly who: string;
  readonly message: string;
}

/** Undefined where no panic was announced, or the symbols of who panicked are not known. */
export function findKernelPanic(context: Case): KernelPanic | undefined {
  const announced = announcement(context);
  if (announced === undefined) return undefined;
  const starts = new Set(context.symbols.addresses('panic'));
  const { icount, xen, vmid, message } = announced;
  const who = xen ? 'Xen' : vmid === undefined ? 'the kernel' : `the kernel of VM ${vmid}`;
  for (const at of context.trace.backwards(icount, Math.max(0, icount - LOOK_BACK)))
    if (starts.has(at.pc) && (!xen || at.el === 2) && (vmid === undefined || (at.el < 2 && at.vmid === vmid)))
      return { at, who, message };
  return undefined;
}

interface Announcement {
  /** When its line ended. */
  readonly icount: number;
  readonly xen: boolean;
  /** Of the VM that printed it, where that is known. */
  readonly vmid: number | undefined;
  readonly message: string;
}

/** What a channel has printed of a line; and when Xen began to announce. */
interface Line {
  text: string;
  xenSince: number | undefined;
}

/**
 * The first announcement on a console. What a hypervisor prints of its guest's is there on the guest's own UART too, which says whose it
 * is: before it, or a little behind it where the hypervisor cuts long lines.
 */
function announcement({ recording }: Case): Announcement | undefined {
  const lines = new Map<Channel, Line>();
  let first: Announcement | undefined;
  for (const { channel, byte, icount } of printedBytes(recording)) {
    if (first !== undefined && Number(icount) > first.icount + LOOK_BACK) break;
    let line = lines.get(channel);
    if (line === undefined) {
      line = { text: '', xenSince: undefined };
      lines.set(channel, line);
    }
    const character = String.fromCharCode(byte);
    if (character !== '\n') {
      if (character !== '\r' && line.text.length < MOST_LINE) line.text += character;
      continue;
    }
    const { text, xenSince } = line;
    if (xenSince !== undefined)
      return { icount: xenSince, xen: true, vmid: undefined, message: text.replace(XEN_PREFIX, '') };
    const message = LINUX.exec(text)?.[1];
    if (message !== undefined && (first === undefined || message.startsWith(first.message))) {
      const announced = { icount: Number(icount), xen: false, vmid: vmidOf(channel), message };
      if (channel.vm !== null || channel.serves?.what === 'console_io') return announced;
      first ??= announced;
    }
    if (XEN.test(text)) line.xenSince = Number(icount);
    line.text = '';
  }
  return first;
}

/** The VM that has the UART, or that makes Xen print. */
function vmidOf({ vm, serves }: Channel): number | undefined {
  if (vm !== null) return vm.vmid;
  return serves === null ? undefined : Number(serves.vttbr >> VMID_SHIFT);
}
