/**
 * The machine: CPUs, memory and board, wired together, and what the run loop (run_loop.ts) does with them.
 */
import type { Attention } from '../cpu/attention.ts';
import { isLandingPad } from '../cpu/branch_target.ts';
import { SelfHostedDebug } from '../cpu/debug/self_hosted_debug.ts';
import { Exceptions } from '../cpu/exceptions.ts';
import type { CpuModel } from '../cpu/models/model.ts';
import { modelNamed } from '../cpu/models/models.ts';
import { CpuRuntime } from '../cpu/runtime.ts';
import { Semihosting } from '../cpu/semihosting.ts';
import { CELL, CpuState } from '../cpu/state.ts';
import { slotOf } from '../cpu/sysregs/table.ts';
import { isHost } from '../cpu/sysregs/traps.ts';
import { SystemOperations } from '../cpu/system_operations.ts';
import { SystemRegisters } from '../cpu/system_registers.ts';
import { accessesBefore } from '../isa/access_kinds.ts';
import { transferOf } from '../isa/transfers.ts';
import { canonicalAddress } from '../mmu/address.ts';
import { mmuFeatures } from '../mmu/features.ts';
import { Mmu } from '../mmu/mmu.ts';
import type { Regime } from '../mmu/regime.ts';
import { type EventSink, NO_EVENTS } from '../trace/schema.ts';
import { type Detail, records } from '../translate/detail.ts';
import { InlineTlb } from '../translate/inline_tlb.ts';
import { HANDLER_PAGE_END } from '../translate/interpreter/dispatch_loop.ts';
import { MEMORY_PAGES } from '../translate/layout.ts';
import type { RegionOptions } from '../translate/region/regions.ts';
import type { BackgroundTranslator } from '../translate/region/translator_thread.ts';
import { VirtBoard } from './board.ts';
import { type Boot, loadBoot } from './boot.ts';
import { type CodePage, CodePages } from './code_pages.ts';
import { Continuation } from './continuation.ts';
import { CpuCore } from './cpu_core.ts';
import { type AccessContext, DataAccess, type StepObserver } from './data_access.ts';
import { DirtyPages } from './dirty_pages.ts';
import { type DiskOpener, HostDiskFile } from './disk/disk_file.ts';
import { openDrives } from './disk/drive.ts';
import type { OverlayDisk } from './disk/overlay.ts';
import { type Engine, type EngineParts, EvaluatorEngine, InterpreterEngine } from './engines.ts';
import { GuestDma } from './guest_dma.ts';
import type { FileReader } from './input_file.ts';
import { GuestMemory, PAGE_SIZE } from './memory.ts';
import { Processors } from './processors.ts';
import { Psci } from './psci.ts';
import { RawBuffers } from './raw_buffers.ts';
import type { Recipe, StopReason } from './recipe.ts';
import { RecordedCalls } from './recorded_calls.ts';
import { Returns } from './returns.ts';
import { Shortcuts } from './shortcuts.ts';
import { Storage } from './storage.ts';
import { Timekeeper } from './timekeeper.ts';
import { TranslationBanks } from './translation_banks.ts';
import { MAP, mpidrAffinity, RAM_BASE } from './virt_map.ts';

export type EngineName = 'regions' | 'interpreter' | 'evaluator';

export interface MachineOptions {
  readonly recipe: Recipe;
  /** Where the bytes of the recipe's files come from; the file system when absent. */
  readonly readFile?: FileReader;
  /** Where the images of the recipe's drives come from; the file system when absent. */
  readonly openDisk?: DiskOpener;
  /** Which back end executes: what happens is the same. Regions when absent. */
  readonly engine?: EngineName;
  /** How engine 'regions' translates: what happens is the same. */
  readonly regions?: Partial<RegionOptions>;
  /** Translates hot code of this machine in the background once there is much of it; the machine's own thread where it is absent. */
  readonly translator?: BackgroundTranslator;
  /** Engine 'interpreter' keeps a digest of the state before every instruction, `InterpreterEngine.digest`. */
  readonly digest?: boolean;
  /** What translated code writes into the raw buffers; nothing when absent. */
  readonly detail?: Detail;
  /** Made when the machine's clock exists: a recorder stamps events with it. */
  readonly events?: (time: Timekeeper, currentCpu: () => number) => EventSink;
  /** Called with each byte that leaves the UART or the virtio console. */
  readonly onConsole?: (byte: number) => void;
}

const MPIDR_RES1 = 1n << 31n;

export class Machine {
  readonly recipe: Recipe;
  readonly boot: Boot;
  readonly disks: readonly OverlayDisk[];
  readonly model: CpuModel;
  readonly memory: GuestMemory;
  readonly state: CpuState;
  readonly time: Timekeeper;
  readonly events: EventSink;
  readonly board: VirtBoard;
  readonly registers: SystemRegisters;
  readonly exceptions: Exceptions;
  readonly debug: SelfHostedDebug;
  readonly buffers: RawBuffers;
  /** RAM, flash and disks, as devices and checkpoints see them. */
  readonly storage: Storage;
  readonly code: CodePages;
  engine: Engine;
  readonly processors: Processors;
  /** Why the machine has ended, once it has. */
  stopped: StopReason | undefined;
  /** Status of a semihosting exit. */
  exitStatus = 0;
  /** nextDeadline() of the board must be asked again. */
  deadlineChanged = true;
  /** The packet under way ends behind the instruction that executes. */
  packetEnds = false;
  /** What the packet under way executes in, as it was last seen. */
  #packetRegime: Regime | undefined;
  readonly #mainEngine: Engine;
  readonly #parts: EngineParts;
  readonly #access: DataAccess;
  readonly #tlb: InlineTlb;
  readonly #banks: TranslationBanks;
  readonly #shortcuts: Shortcuts;

  constructor(options: MachineOptions) {
    const { recipe, readFile, engine = 'regions', regions, detail = 'none', events, onConsole } = options;
    const { openDisk = (path) => new HostDiskFile(path) } = options;
    this.recipe = recipe;
    this.model = modelNamed(recipe.cpu);
    this.memory = new GuestMemory([
      { base: RAM_BASE, size: recipe.ram },
      { ...MAP.flash0, rom: true },
      { ...MAP.flash1, rom: true },
    ]);
    this.boot = loadBoot({ ...recipe, readFile }, this.memory);
    this.disks = openDrives(recipe.drives ?? [], openDisk);
    const stateMemory = new WebAssembly.Memory({
      initial: MEMORY_PAGES,
      maximum: MEMORY_PAGES,
      shared: true,
    });
    this.state = new CpuState(stateMemory.buffer);
    this.time = new Timekeeper(this.state);
    const currentCpu = () => this.processors.current;
    this.events = events?.(this.time, currentCpu) ?? NO_EVENTS;
    this.buffers = new RawBuffers(this.state, stateMemory);
    this.#tlb = new InlineTlb(stateMemory.buffer);
    this.code = new CodePages(this.memory, this.events, stateMemory.buffer, HANDLER_PAGE_END);
    const dirty = new DirtyPages();
    this.storage = new Storage({
      memory: this.memory,
      disks: this.disks,
      placed: this.boot.placed,
      dirty,
      code: this.code,
      tlb: this.#tlb,
      events: this.events,
      onMappingChange: () => {
        this.#tlb.flush();
        this.#banks.changed = true;
      },
    });
    // Stores go ahead inline to dirty pages only.
    this.code.onNewPage = (poolOffset) => {
      if (dirty.has(poolOffset)) this.#tlb.protectPage(poolOffset);
    };
    this.code.onFetchesForgotten = () => this.#tlb.dropAllFetches();
    this.code.onRecordsGone = (gone) => {
      if (gone !== 'all') this.#tlb.dropFetch(gone);
      else {
        this.#tlb.dropAllFetches();
        if (this.#mainEngine instanceof InterpreterEngine) this.#mainEngine.regions?.forget();
      }
    };

    const onAttention = (reason: Attention) => this.#attend(reason);
    const pc = () => this.state.u64[PC];
    this.board = new VirtBoard(recipe, {
      events: this.events,
      clock: this.time,
      pc,
      state: this.state,
      instructions: () => this.time.instructions,
      currentCpu,
      onInterruptChange: () => this.time.stopAfterThis(),
      onDeadlineChange: () => {
        this.deadlineChanged = true;
        this.time.stopAfterThis();
      },
      flashArray: (base) => this.storage.flashArray(base),
      disks: this.disks,
      fwCfg: { cpus: recipe.smp, ram: recipe.ram, ...this.boot.fwCfg },
      dma: new GuestDma({
        memory: this.memory,
        store: (pa, bytes) => this.storage.store(pa, bytes),
        openMonitor: () => this.processors.openMonitor(),
        exhausted: () => {
          this.stopped = 'memory';
        },
        events: this.events,
      }),
      onConsole: (byte) => onConsole?.(byte),
    });
    this.registers = new SystemRegisters({
      randomSeed: recipe.rng,
      state: this.state,
      model: this.model,
      cpus: recipe.smp,
      el2: recipe.el === 2,
      mpidr: (cpu) => MPIDR_RES1 | BigInt(mpidrAffinity(cpu, recipe.gic)),
      clock: this.time,
      events: this.events,
      inputs: this.board.inputs,
      timer: this.board.timer,
      pmu: this.board.monitors,
      gic: this.board.gicCpuInterface,
      onTrapControl: () => this.#shortcuts.forget(),
      onEffect: (effect, register) => {
        if (effect === 'performance monitors') {
          this.board.monitors.controlsChanged();
          return;
        }
        const changed = effect !== 'translation' || this.mmu.registersChanged(register) > this.state.u32[EL];
        if (changed) onAttention(effect);
      },
    });
    const id = (name: string) => this.registers.get(name);
    this.time.keepsBranchType = this.registers.features.has('BTI');
    const features = mmuFeatures(
      id('ID_AA64MMFR0_EL1'),
      id('ID_AA64MMFR1_EL1'),
      id('ID_AA64MMFR2_EL1'),
      this.registers.has('PAuth'),
    );
    const cores = Array.from({ length: recipe.smp }, (_, cpu) => {
      const mmu = new Mmu({
        registers: this.registers,
        memory: this.memory,
        features,
        writeDescriptor: (pa, low, high) => access.writeDescriptor(pa, low, high),
        events: this.events,
        pc,
        onInvalidate: (what) => {
          if (what.all) this.#tlb.flush();
          // While its own page stays translated, execution need not be looked at.
          else if (!this.#tlb.dropPages(what.va, what.size) && !this.#executesIn(what.va, what.size)) return;
          this.#attend('translation');
        },
        onContextChange: (unchanged) => this.#banks.forgetBelow(unchanged),
      });
      return new CpuCore(cpu, mmu);
    });
    this.exceptions = new Exceptions({
      state: this.state,
      features: this.registers.features,
      events: this.events,
      inputs: () => this.board.inputs[currentCpu()],
      accessesBefore: (address) => {
        const word = this.engine.currentWord();
        const base = (word >>> 5) & 31;
        return accessesBefore(word, base === 31 ? this.state.get('sp') : this.state.x(base), address);
      },
      onAttention,
      onLevelChange: (el) => this.board.monitors.levelChanges(el),
    });
    this.debug = new SelfHostedDebug({
      state: this.state,
      registers: this.registers,
      exceptions: this.exceptions,
      el2: recipe.el === 2,
      doNotCount: () => this.time.doNotCount(),
    });
    this.processors = new Processors({
      recipe,
      state: this.state,
      cores,
      registers: this.registers,
      exceptions: this.exceptions,
      board: this.board,
      onSwitch: () => {
        this.#banks.forget();
        this.#shortcuts.forget();
        this.debug.refresh();
      },
    });
    this.#banks = new TranslationBanks({
      state: this.state,
      tlb: this.#tlb,
      cpuCount: recipe.smp,
      currentCpu,
      mmu: () => this.mmu,
      vectorsAreTrapped: () => runtime.vectorsAreTrapped,
      alignmentChecked: (el) => this.#controlBit(SCTLR_A, el),
    });
    const access = new DataAccess({
      state: this.state,
      buffers: this.buffers,
      memory: this.memory,
      bus: this.board.bus,
      code: this.code,
      dirty,
      tlb: this.#tlb,
      context: this.#accessContext(),
      events: this.events,
      recording: { addresses: records(detail, 'memory'), values: records(detail, 'full') },
      inline: engine !== 'evaluator',
    });
    const operations = new SystemOperations({
      state: this.state,
      registers: this.registers,
      exceptions: this.exceptions,
      events: this.events,
      recordsStores: records(detail, 'memory'),
      mmu: () => this.mmu,
      invalidateAllCpus: (what) => {
        for (let i = 0; i < cores.length; i++) cores[i].mmu.invalidate(what);
      },
      zeroBlock: (pa, bytes) => access.zero(pa, bytes),
      onTranslated: (va, page) => access.translated(va, page),
      watching: () => this.debug.watching,
      watchpointHit: (va, size, el) => this.debug.checkAccess(va, size, true, el),
      doNotCount: () => this.time.doNotCount(),
    });
    const runtime = new CpuRuntime({
      state: this.state,
      registers: this.registers,
      exceptions: this.exceptions,
      operations,
      events: this.events,
      el2: recipe.el === 2,
      firmware: new Psci({
        ...this.processors.powerControl(),
        systemOff: () => {
          this.stopped = 'power off';
        },
        systemReset: () => {
          this.stopped = 'reset';
        },
      }),
      currentInstruction: () => this.engine.currentWord(),
      onAttention,
      onSendEvent: () => {},
      doNotCount: () => this.time.doNotCount(),
      ...(recipe.semihosting ? { semihosting: this.#semihosting(access) } : {}),
    });
    const recorded = new RecordedCalls({
      state: this.state,
      memory: stateMemory.buffer,
      registers: this.registers,
      events: this.events,
      context: () => this.mmu.regime(1),
    });
    this.#shortcuts = new Shortcuts({
      state: this.state,
      memory: stateMemory.buffer,
      registers: this.registers,
      operations,
      recorded,
      counters: this.board.timer,
      inputs: () => this.board.inputs[currentCpu()],
      recording: () => this.events.recording,
      recordsStores: records(detail, 'memory'),
      debugArmed: () => this.debug.armed,
      countsByLevel: () => this.board.monitors.countByLevel,
    });
    const recordsFlow = records(detail, 'flow');
    const continuation = new Continuation({
      state: this.state,
      exceptions: this.exceptions,
      debug: this.debug,
      banks: this.#banks,
      shortcuts: this.#shortcuts,
      staysInPacket: () => !recordsFlow || this.staysInPacket(),
    });
    const parts: EngineParts = {
      detail,
      state: this.state,
      stateMemory,
      memory: this.memory,
      tlb: this.#tlb,
      code: this.code,
      access,
      buffers: this.buffers,
      runtime,
      stackMisaligned: () => this.#stackMisaligned(),
      goesOn: () => continuation.goesOn(),
      returns: new Returns(this.state, stateMemory.buffer),
      shortcuts: this.#shortcuts,
      recorded: detail === 'none' ? undefined : recorded,
      fetchBank: () => this.#banks.current,
      breaksInPage: () => this.debug.armed && this.debug.breaksInPage(this.state.u64[PC]),
      onFirstExecution: (page, offset) => this.#firstExecution(page, offset),
    };
    this.#mainEngine =
      engine === 'evaluator'
        ? new EvaluatorEngine(parts)
        : new InterpreterEngine(
            parts,
            engine === 'regions' ? { ...(this.#bootsSystem ? FOR_SYSTEMS : {}), ...regions } : undefined,
            options.digest,
            options.translator,
          );
    this.engine = this.#mainEngine;
    this.#parts = parts;
    this.#access = access;
    this.#reset();
  }

  /** What is loaded is a large system more likely than a program. */
  get #bootsSystem(): boolean {
    return this.boot.loads.reduce((sum, { size }) => sum + size, 0) >= SYSTEM_BYTES;
  }

  /** Whether pc is in [va, va + size). */
  #executesIn(va: number, size: number): boolean {
    const { u32 } = this.state;
    const pc = (u32[2 * PC + 1] | 0) * 2 ** 32 + u32[2 * PC];
    return pc >= va && pc < va + size;
  }

  /** Ends the packet behind the instruction that executes: it has made as many events as a recorder wants to hold. */
  endPacket(): void {
    this.packetEnds = true;
    this.time.stopAfterThis();
  }

  /** A packet starts. Returns what it executes in. */
  beginPacket(): Regime {
    this.buffers.reset();
    this.packetEnds = false;
    this.#packetRegime = this.regime;
    return this.#packetRegime;
  }

  /** What executes now may be in the packet under way: it has the packet's regime, VMID and ASID. */
  staysInPacket(): boolean {
    const { regime } = this;
    const known = this.#packetRegime;
    if (regime === known) return true;
    if (regime.name !== known?.name || regime.vmid !== known.vmid || regime.asid !== known.asid) return false;
    this.#packetRegime = regime;
    return true;
  }

  /** MMU of the current CPU. */
  get mmu(): Mmu {
    const { cores, current } = this.processors;
    return cores[current].mmu;
  }

  /** The translation regime that the current CPU executes in. */
  get regime(): Regime {
    return this.mmu.regime(this.state.u32[EL] as 0 | 1 | 2);
  }

  /** While there is an observer, instructions execute one at a time and tell it what they do. */
  observe(observer: StepObserver | undefined): void {
    this.#access.observer = observer;
    this.engine = observer ? new EvaluatorEngine(this.#parts, observer) : this.#mainEngine;
  }

  /** A byte arrives at the virtio console or, where there is none, at the UART; false when there is no room. */
  receive(byte: number): boolean {
    const { virtioConsole } = this.board;
    if (virtioConsole) return virtioConsole.receive(byte);
    if (!this.board.uart.canReceive()) return false;
    this.board.uart.receive(byte);
    return true;
  }

  canReceive(): boolean {
    return (this.board.virtioConsole ?? this.board.uart).canReceive();
  }

  /** Everything but memory is another state now: the caches that follow from it are made anew. */
  reload(): void {
    this.registers.reload(this.processors.current);
    this.#shortcuts.forget();
    for (const { mmu } of this.processors.cores) mmu.registersChanged();
    this.debug.refresh();
    this.#tlb.flush();
    this.#banks.changed = true;
    this.deadlineChanged = true;
    this.state.branchType = this.state.small('btype');
  }

  /** The machine as its boot protocol wants the first CPU. */
  #reset(): void {
    const { boot, state } = this;
    this.processors.reset(BigInt(boot.entry));
    [boot.x0, boot.x1, boot.x2, boot.x3].forEach((value, n) => {
      state.setX(n, BigInt(value));
    });
    for (const { address, size, name } of boot.loads)
      this.events.append('writes', { pa: address, length: size, who: `loader: ${name}` });
  }

  #attend(reason: Attention): void {
    if (reason === 'level') {
      this.#banks.changed = true;
      return;
    }
    if (reason === 'translation' || reason === 'context') this.#banks.changed = true;
    if (reason === 'vectors') this.#banks.vectorsChanged();
    if (reason === 'debug') {
      this.debug.refresh();
      this.#tlb.flush();
      this.#banks.changed = true;
    }
    if (reason === 'yield') {
      // Kernels that wait by YIELD do it a hundred thousand times: with one CPU there is nobody to yield to.
      if (this.processors.cores.length === 1) return;
      this.processors.yielded = true;
    }
    this.time.stopAfterThis();
  }

  /**
   * Gets the engine ready to execute at pc. 'fault': an exception was taken instead, and no instruction was attempted.
   */
  enter(): 'ok' | 'fault' {
    this.#banks.choose();
    if (this.engine.resume()) return 'ok';
    const { state } = this;
    const el = state.u32[EL] as 0 | 1 | 2;
    const regime = this.mmu.regime(el);
    const tagged = state.u64[PC];
    const va = canonicalAddress(
      Number(tagged & 0xffff_ffffn),
      Number(tagged >> 32n),
      regime.instructionTopByteIgnored,
    );
    const pc = Number.isNaN(va) ? tagged : BigInt.asUintN(64, BigInt(va));
    if (pc !== tagged) {
      this.buffers.untagLastTarget(tagged, pc);
      state.set('pc', pc);
    }
    const answer = this.mmu.translate({ va, kind: 'fetch', el });
    if (!answer.ok) {
      this.exceptions.instructionAbort(answer.fault);
      return 'fault';
    }
    const { paPage } = answer.page;
    const poolOffset = this.memory.offsetOf(paPage);
    if (poolOffset < 0) {
      this.exceptions.instructionAbort({ type: 'external', stage: 1, level: 0, s1ptw: false, ipa: 0 });
      return 'fault';
    }
    // After the translation, which may have flushed the banks.
    this.#banks.choose();
    const page = this.code.pageAt(poolOffset, paPage);
    const offset = Number(pc & 0xfffn);
    this.code.execute(page, offset);
    this.code.fetched(page, this.#fetchContext(regime), pc - BigInt(offset));
    this.engine.enter(page, offset, answer.page.guarded);
    return 'ok';
  }

  /** The instruction at pc, which the engine is ready to execute, is no landing pad for the indirect branch before it. */
  get refusesLanding(): boolean {
    const { state } = this;
    return state.inGuardedPage && !isLandingPad(this.engine.currentWord(), state);
  }

  #fetchContext({ name, vmid, asid }: Regime) {
    return { cpu: this.processors.current, regime: name, vmid, asid };
  }

  #firstExecution(page: CodePage, offset: number): void {
    if (!this.code.makesVersion(page, offset)) return;
    // As where a page is entered: whether it had to be is no fact of the guest.
    this.time.before(() => {
      this.code.execute(page, offset);
      const pc = this.state.get('pc');
      this.code.fetched(page, this.#fetchContext(this.regime), pc - (pc % BigInt(PAGE_SIZE)));
    });
  }

  #accessContext(): AccessContext {
    return {
      translate: (request) => this.mmu.translate(request),
      find: (request) => this.mmu.find(request),
      found: () => this.mmu.found,
      topByteIgnored: (el) => this.mmu.regime(el).topByteIgnored,
      accessLevel: (unprivileged) => this.#banks.accessLevel(unprivileged),
      alignmentChecked: () => this.#controlBit(SCTLR_A),
      dataAbort: (fault, va, write) => {
        // Only stage 2 faults tell of the transfer.
        const transfer = fault.stage === 2 ? transferOf(this.engine.currentWord()) : undefined;
        this.time.doNotCount();
        this.exceptions.dataAbort(fault, va, { write, transfer });
      },
      watching: () => this.debug.watching,
      watchesPage: (va) => this.debug.watchesPage(va),
      watchpointHit: (va, size, write, el) => this.debug.checkAccess(va, size, write, el),
      tlbBank: (unprivileged) => (unprivileged ? this.#banks.unprivileged : this.#banks.current),
      attention: () => this.time.stopAfterThis(),
    };
  }

  /** A bit of the SCTLR_ELx that governs an exception level: the current one. */
  #controlBit(bit: number, el = this.state.u32[EL]): boolean {
    const { u32 } = this.state;
    const el2 = el === 2 || (el === 0 && isHost(this.state.u64[HCR]));
    return (u32[2 * (el2 ? SCTLR_EL2 : SCTLR_EL1)] & bit) !== 0;
  }

  /** SP is not a multiple of 16 and is the base of an access: D1.8.2. */
  #stackMisaligned(): 0 | 1 {
    if (!this.#controlBit(this.state.u32[EL] === 0 ? SCTLR_SA0 : SCTLR_SA)) return 0;
    this.exceptions.spAlignmentFault();
    return 1;
  }

  /** Whether any interrupt could be taken in the present state, if one became pending. */
  canBeInterrupted(): boolean {
    const el = this.state.small('el');
    const unmasked = (this.state.small('daif') & 3) !== 3;
    if (unmasked) return true;
    // Routed to EL2, an interrupt is taken from a lower level whatever its mask says.
    return el < 2 && (this.registers.get('HCR_EL2') & HCR_ROUTES) !== 0n;
  }

  #semihosting(access: DataAccess): Semihosting {
    return new Semihosting({
      state: this.state,
      events: this.events,
      readByte: (va) => access.peek(va),
      output: (byte) => this.events.append('console', { device: 'semihosting', direction: 'out', byte }),
      exit: (status) => {
        this.stopped = 'semihosting exit';
        this.exitStatus = status;
      },
    });
  }
}

/** A distribution's kernel, or more: a small one's boot is over before starting a thread for it has paid. */
const SYSTEM_BYTES = 2 ** 23;
/** It has so much to translate that it goes on in the background from the start. */
const FOR_SYSTEMS: Partial<RegionOptions> = { background: 0 };

const PC = CELL.pc >>> 3;
const EL = CELL.el >>> 2;
const HCR = slotOf('HCR_EL2');
const SCTLR_EL1 = slotOf('SCTLR_EL1');
const SCTLR_EL2 = slotOf('SCTLR_EL2');
/** In SCTLR_ELx[31:0]. */
const SCTLR_A = 1 << 1;
const SCTLR_SA = 1 << 3;
const SCTLR_SA0 = 1 << 4;
/** FMO, IMO, TGE. */
const HCR_ROUTES = (1n << 3n) | (1n << 4n) | (1n << 27n);
