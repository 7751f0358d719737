/**
 * The machine of a recording at any instant: restores the nearest checkpoint and executes again.
 *
 * `goto` costs the instructions from the checkpoint before it: up to half a second. Going on from where the timeline stands
 * costs only the instructions between.
 */
import type { ObservedAccess, StepObserver } from '../machine/data_access.ts';
import { Machine } from '../machine/machine.ts';
import type { Recipe } from '../machine/recipe.ts';
import { RunLoop } from '../machine/run_loop.ts';
import { restoreMachine, saveMachine } from '../machine/snapshot.ts';
import { canonicalAddress } from '../mmu/address.ts';
import type { TranslationResult } from '../mmu/translation.ts';
import { recordedDisks } from '../trace/disk_images.ts';
import { storedFiles } from '../trace/image_files.ts';
import { feedInput, type RecordedInput } from '../trace/input_source.ts';
import type { Recording } from '../trace/recording.ts';
import { restoreCheckpoint } from '../trace/restore.ts';
import { UserError } from '../user-error.ts';
import { recordedInput } from './recorded_input.ts';

export interface Registers {
  readonly pc: bigint;
  /** X0 to X30. */
  readonly x: readonly bigint[];
  readonly sp: bigint;
  /** NZCV, DAIF, EL and SPSel as SPSR_ELx has them. */
  readonly pstate: number;
  readonly el: 0 | 1 | 2;
}

/** What one instruction did. */
export interface Step {
  readonly icount: number;
  readonly cpu: number;
  readonly pc: bigint;
  readonly el: 0 | 1 | 2;
  /** The instruction; 0 where it could not be fetched. */
  readonly word: number;
  /** X0 to X30, 31 is SP, in order. */
  readonly registerWrites: readonly { readonly register: number; readonly value: bigint }[];
  readonly accesses: readonly ObservedAccess[];
  /** Execution did not go on with the next instruction or a branch target: an exception was taken, or returned from. */
  readonly redirected: boolean;
}

export class Timeline {
  readonly recording: Recording;
  readonly machine: Machine;
  readonly #loop: RunLoop;
  readonly #input: RecordedInput;
  #initial: { readonly [name: string]: Uint8Array };

  private constructor(
    recording: Recording,
    machine: Machine,
    initial: { readonly [name: string]: Uint8Array },
  ) {
    this.recording = recording;
    this.machine = machine;
    this.#initial = initial;
    this.#loop = new RunLoop(machine);
    this.#input = recordedInput(recording);
  }

  static open(recording: Recording): Timeline {
    const recipe = recording.facts.recipe as unknown as Recipe;
    const disks = recordedDisks(recording);
    const machine = new Machine({
      recipe,
      readFile: storedFiles(recording),
      openDisk: (path) => disks(path).file,
    });
    return new Timeline(recording, machine, saveMachine(machine));
  }

  /** Number of the first recorded instruction: 0, but for a window of another recording. */
  get start(): number {
    return this.recording.epochs[0]?.firstIcount ?? 0;
  }

  /** Number of recorded instructions. */
  get end(): number {
    return this.recording.instructions;
  }

  get icount(): number {
    return this.machine.time.icount;
  }

  /** To the state before instruction `icount`: between two instructions, with everything settled that happens there. */
  goto(icount: number): void {
    if (!Number.isInteger(icount) || icount < this.start || icount > this.end)
      throw new UserError(
        `there is no instruction ${icount}: the recording has ${this.start} to ${this.end}`,
      );
    const checkpoints = this.recording.checkpoints();
    const nearest = checkpoints.findLastIndex((checkpoint) => checkpoint.icount <= icount);
    const from = nearest < 0 ? 0 : checkpoints[nearest].icount;
    if (this.icount > icount || this.icount < from || this.machine.stopped) this.#restore(nearest, from);
    this.#runTo(icount);
  }

  #restore(checkpoint: number, icount: number): void {
    if (checkpoint < 0) {
      this.machine.stopped = undefined;
      this.machine.storage.restore([]);
      restoreMachine(this.machine, this.#initial);
    } else {
      restoreCheckpoint(this.machine, this.recording, checkpoint);
    }
    this.#input.seek(icount);
  }

  /** Settles; false when the machine has ended. */
  #settle(): boolean {
    feedInput(this.machine, this.#input);
    return this.#loop.settle() === undefined;
  }

  #runTo(icount: number): void {
    while (this.#settle() && this.icount < icount) {
      const limit = Math.min(icount, this.#input.nextIcount);
      this.#loop.runPacket(this.#loop.beginPacket(), limit);
    }
  }

  /** Executes one instruction and tells what it did; undefined at the end of the recording. */
  step(): Step | undefined {
    const { machine } = this;
    if (this.icount >= this.end || !this.#settle()) return undefined;
    const { icount } = this;
    const before = this.registers();
    const registerWrites: { register: number; value: bigint }[] = [];
    const accesses: ObservedAccess[] = [];
    const observer: StepObserver = {
      registerWrite: (register, value) => registerWrites.push({ register, value }),
      access: (access) => accesses.push(access),
    };
    const cpu = machine.processors.current;
    machine.observe(observer);
    const outcome = this.#loop.stepOnce();
    const word = outcome === 'fetch fault' ? 0 : machine.engine.currentWord();
    machine.observe(undefined);
    return {
      icount,
      cpu,
      pc: before.pc,
      el: before.el,
      word,
      registerWrites,
      accesses,
      redirected: outcome !== 'completed',
    };
  }

  registers(): Registers {
    const { state } = this.machine;
    const el = state.small('el') as 0 | 1 | 2;
    return {
      pc: state.get('pc'),
      x: Array.from({ length: 31 }, (_, n) => state.x(n)),
      sp: state.get('sp'),
      pstate: this.machine.exceptions.programStatus(),
      el,
    };
  }

  /** System registers by name, those that the CPU has. */
  systemRegisters(): readonly (readonly [string, bigint])[] {
    return this.machine.registers.entries();
  }

  /** Undefined unless all of it is RAM. */
  readPhysical(pa: number, length: number): Uint8Array | undefined {
    return this.machine.memory.readBytes(pa, length);
  }

  /** What the MMU answers for an address now: through the TLB, as an access would. Changes nothing that replay can see. */
  translate(
    va: bigint,
    el: 0 | 1 | 2,
    kind: 'read' | 'write' | 'fetch' = 'read',
  ): TranslationResult & { pa?: number } {
    const { mmu } = this.machine;
    const ignored = mmu.regime(el).topByteIgnored;
    const canonical = canonicalAddress(Number(va & 0xffff_ffffn), Number(va >> 32n), ignored);
    const saved = mmu.save();
    const answer = mmu.translate({ va: canonical, kind, el });
    mmu.restore(saved);
    return answer.ok ? { ...answer, pa: answer.page.paPage + Number(va & 0xfffn) } : answer;
  }

  /** Bytes at a virtual address; undefined where a page does not translate or is no RAM. */
  readVirtual(va: bigint, length: number, el: 0 | 1 | 2): Uint8Array | undefined {
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = BigInt.asUintN(64, va + BigInt(done));
      const chunk = Math.min(length - done, 4096 - Number(at & 0xfffn));
      const answer = this.translate(at, el);
      const bytes = answer.ok ? this.readPhysical(answer.pa!, chunk) : undefined;
      if (!bytes) return undefined;
      out.set(bytes, done);
      done += chunk;
    }
    return out;
  }
}
