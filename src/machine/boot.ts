/**
 * Puts the user's files into RAM and says in what state the first CPU starts: what `qemu-system-aarch64 -M virt -kernel`
 * does, byte by byte. Everything is planned and checked before the first byte is written.
 */
import type { FwCfgContents } from '../devices/fw_cfg.ts';
import { UserError } from '../user-error.ts';
import { type BootModule, parseBootModule } from './boot_module.ts';
import { type Board, fixUpDeviceTree, generateDeviceTree } from './device_tree.ts';
import { type ElfFile, type ElfSegment, isElf, PF_X, PT_INTERP, PT_LOAD, parseElf } from './elf.ts';
import { bootStub, type LinuxImage, parseLinuxImage, placeLinux, unpackImage } from './image.ts';
import { type FileReader, inputName, readInputFile } from './input_file.ts';
import { type GuestMemory, PAGE_SIZE } from './memory.ts';
import { parseRawLoad } from './raw.ts';
import { CPUS_MAX, MAP, RAM_BASE, RAM_SIZE_MAX } from './virt_map.ts';

export interface BootOptions extends Board {
  /** An ELF file or a Linux Image, also packed; `-` is standard input. Without it, `load` says where to start. */
  readonly image?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly dtb?: string;
  /** Firmware for the flash at address 0, where the first CPU then starts. */
  readonly bios?: string;
  /** FILE@ADDRESS each. */
  readonly load?: readonly string[];
  /** As `parseBootModule` takes them: kernels and initrds for a hypervisor. */
  readonly modules?: readonly string[];
  /** Where the bytes of the files come from; the file system when absent. */
  readonly readFile?: FileReader;
}

/** One thing that was placed in RAM. */
export interface Load {
  /** What it is: segment 2, boot stub, kernel, initrd, device tree, load. */
  readonly name: string;
  /** The file that it came from, as the user named it; undefined for what we made. */
  readonly file: string | undefined;
  readonly address: number;
  /** Bytes in memory; those behind the file's are zero. */
  readonly size: number;
}

/**
 * How the first CPU starts, with the MMU off; the others are powered off and wait for PSCI CPU_ON. PSTATE is SP_ELx, DAIF
 * masked, and Z set: `info registers` of QEMU 7.2 shows 0x400003c9 in EL2 and 0x400003c5 in EL1. The other general
 * registers are 0. An ELF image gets no arguments (QEMU gives it none); a Linux Image starts in the boot stub.
 */
export interface Boot {
  /** Physical address of the first instruction. */
  readonly entry: number;
  readonly x0: number;
  readonly x1: number;
  readonly x2: number;
  readonly x3: number;
  readonly el: 1 | 2;
  /** By address. */
  readonly loads: readonly Load[];
  /** The bytes of `loads`, to be loaded again. */
  readonly placed: readonly { readonly address: number; readonly bytes: Uint8Array }[];
  /** The image, where it is an ELF file: its symbols and line numbers. */
  readonly elf: ElfFile | undefined;
  /** Where the device tree is; undefined where there was no room for it. */
  readonly deviceTree: { readonly address: number; readonly bytes: Uint8Array } | undefined;
  /** What the firmware is asked to boot. */
  readonly fwCfg: Pick<FwCfgContents, 'kernel' | 'initrd' | 'append'>;
  /** Sentences that the user should see. */
  readonly notes: readonly string[];
}

interface Placed {
  readonly name: string;
  readonly file?: string;
  readonly address: number;
  readonly size: number;
  readonly bytes: Uint8Array;
}

interface Plan {
  readonly entry: number;
  readonly placed: readonly Placed[];
  readonly elf?: ElfFile;
  readonly deviceTree?: { readonly address: number; readonly bytes: Uint8Array };
  readonly fwCfg?: Boot['fwCfg'];
  readonly notes?: readonly string[];
}

/** A tree has at most 2 MiB, and twice that with QEMU's padding. */
const DEVICE_TREE_ROOM = 4 * 2 ** 20 + 2 * 10000;

/** Refuses boards that cannot be built. */
export function checkBoard({ ram, smp, gic }: Board): void {
  if (!Number.isInteger(ram) || ram <= 0 || ram % PAGE_SIZE !== 0)
    throw new UserError(`--ram ${ram}: must be a multiple of 4 KiB, as 256M is`);
  if (ram > RAM_SIZE_MAX) throw new UserError(`--ram: at most ${RAM_SIZE_MAX / 2 ** 30} GiB`);
  if (!Number.isInteger(smp) || smp < 1 || smp > CPUS_MAX[gic])
    throw new UserError(`--smp ${smp}: GICv${gic} serves 1 to ${CPUS_MAX[gic]} CPUs`);
}

/** Loads everything into `memory`, whose RAM is [RAM_BASE, RAM_BASE + ram). Throws `UserError` and leaves `memory` as it was. */
export function loadBoot(options: BootOptions, memory: GuestMemory): Boot {
  checkBoard(options);
  const plan = planBoot(options);
  const placed = [...plan.placed].sort((a, b) => a.address - b.address);
  checkPlaces(placed, options.ram);
  for (const { name, address, bytes } of placed)
    if (!memory.writeBytes(address, bytes))
      throw new Error(`${name} at ${address} is not in the guest's memory`);
  const loads = placed.map(({ name, file, address, size }) => ({ name, file, address, size }));
  const { entry, elf, deviceTree, fwCfg = {}, notes = [] } = plan;
  return { entry, x0: 0, x1: 0, x2: 0, x3: 0, el: options.el, loads, placed, elf, deviceTree, fwCfg, notes };
}

const read = ({ readFile = readInputFile }: BootOptions, file: string): Uint8Array => readFile(file);

function planBoot(options: BootOptions): Plan {
  const raw = (options.load ?? []).map((argument): Placed => {
    const { file, address } = parseRawLoad(argument);
    const bytes = read(options, file);
    return { name: 'load', file, address, size: bytes.length, bytes };
  });
  if (options.bios !== undefined) return planFirmware(options, raw);
  if (options.image === undefined) return planRaw(options, raw, raw[0]);
  const named = raw.find(({ file }) => file === options.image);
  const bytes = named?.bytes ?? read(options, options.image);
  const name = inputName(options.image);
  const unpacked = unpackImage(bytes, name);
  if (isElf(unpacked)) return planElf(options, raw, parseElf(unpacked, name));
  const linux = parseLinuxImage(unpacked, name);
  if (linux) {
    return planLinux(options, raw, unpacked, linux);
  }
  if (named) return planRaw(options, raw, named);
  throw new UserError(
    `${name}: neither an ELF file nor a Linux Image: a raw binary needs its address, as in --load ${options.image}@0x40080000`,
  );
}

function deviceTreeOf(
  options: BootOptions,
  initrd?: { base: number; size: number },
  modules: readonly PlacedModule[] = [],
): Uint8Array {
  const { dtb, append = '' } = options;
  const tree = dtb === undefined ? generateDeviceTree(options) : read(options, dtb);
  return fixUpDeviceTree(tree, dtb === undefined ? 'the generated device tree' : inputName(dtb), options, {
    append,
    initrd,
    modules,
  });
}

type PlacedModule = Pick<BootModule, 'kind' | 'bootargs' | 'file'> & {
  readonly base: number;
  readonly size: number;
  readonly bytes: Uint8Array;
};

/** Modules go to their addresses, those without one behind `end` and behind each other. */
function placeModules(options: BootOptions, end: number): PlacedModule[] {
  let next = end;
  return (options.modules ?? []).map((argument) => {
    const { address, ...module } = parseBootModule(argument);
    const bytes = read(options, module.file);
    const base = address ?? Math.ceil(next / MODULE_ALIGNMENT) * MODULE_ALIGNMENT;
    if (address === undefined) next = base + bytes.length;
    return { ...module, base, size: bytes.length, bytes };
  });
}

/** Kernels want to begin at a multiple of 2 MiB (Linux Documentation/arm64/booting.rst). */
const MODULE_ALIGNMENT = 2 * 2 ** 20;

const hex = (value: number | bigint) => `0x${value.toString(16)}`;
const ramEnd = ({ ram }: Board) => RAM_BASE + ram;

function planLinux(
  options: BootOptions,
  raw: readonly Placed[],
  kernel: Uint8Array,
  image: LinuxImage,
): Plan {
  const file = options.image!;
  const initrd = options.initrd === undefined ? undefined : read(options, options.initrd);
  const place = placeLinux(image, kernel.length, options.ram, initrd?.length ?? 0);
  const treeEnd = place.deviceTree + DEVICE_TREE_ROOM;
  const modules = placeModules(options, treeEnd);
  const tree = deviceTreeOf(options, initrd && { base: place.initrd, size: initrd.length }, modules);
  const needed = Math.max(place.kernelEnd, place.deviceTree + tree.length);
  if (needed > ramEnd(options)) {
    const what = initrd ? 'the kernel, its initrd and its device tree' : 'the kernel and its device tree';
    throw new UserError(
      `${inputName(file)}: ${what} end at ${hex(needed)}, RAM at ${hex(ramEnd(options))}: give more with --ram`,
    );
  }
  const placed: Placed[] = [
    ...raw,
    placedBytes('boot stub', undefined, RAM_BASE, bootStub(place.kernel, place.deviceTree)),
    placedBytes('kernel', file, place.kernel, kernel),
    placedBytes('device tree', options.dtb, place.deviceTree, tree),
  ];
  if (initrd) placed.push(placedBytes('initrd', options.initrd, place.initrd, initrd));
  for (const { kind, file: from, base, bytes } of modules)
    placed.push(placedBytes(`${kind} module`, from, base, bytes));
  return { entry: RAM_BASE, placed, deviceTree: { address: place.deviceTree, bytes: tree } };
}

const placedBytes = (name: string, file: string | undefined, address: number, bytes: Uint8Array): Placed => ({
  name,
  file,
  address,
  size: bytes.length,
  bytes,
});

function refuseModules({ modules = [] }: BootOptions): void {
  if (modules.length > 0)
    throw new UserError(`--module ${modules[0]}: goes with a hypervisor that is a Linux Image, such as Xen`);
}

function planElf(options: BootOptions, raw: readonly Placed[], elf: ElfFile): Plan {
  refuseModules(options);
  if (options.initrd !== undefined)
    throw new UserError(
      `--initrd: an ELF image gets no initrd: use --load ${options.initrd}@ADDRESS, or a Linux Image`,
    );
  if (elf.segments.some(({ type }) => type === PT_INTERP))
    throw new UserError(`${elf.file}: a dynamically linked program: link it statically`);
  const segments = elf.segments.filter(({ type, memsz }) => type === PT_LOAD && memsz > 0n);
  if (segments.length === 0) throw new UserError(`${elf.file}: has no loadable segment`);
  const placed = segments.map((segment) => placeSegment(elf, segment, options));
  const entry = physicalEntry(elf);
  if (entry < BigInt(RAM_BASE) || entry >= BigInt(ramEnd(options)))
    throw new UserError(
      `${elf.file}: entry point ${hex(entry)} is outside RAM (${hex(RAM_BASE)} to ${hex(ramEnd(options))})`,
    );
  const tree = lowDeviceTree(options, placed);
  return { entry: Number(entry), elf, ...tree, placed: [...raw, ...placed, ...tree.placed] };
}

/** The largest page size that linkers for AArch64 align segments to. */
const LINKER_PAGE_MAX = 0x10000n;

/**
 * A segment at its physical address. Linked at the start of RAM without a linker script, an image's first segment begins
 * 64 KiB lower, with the file's own headers; QEMU drops what lies there, and so do we if it is headers and zeros only.
 */
function placeSegment(elf: ElfFile, segment: ElfSegment, options: BootOptions): Placed {
  const { index, paddr, memsz, offset, filesz } = segment;
  const below = BigInt(RAM_BASE) - paddr;
  const headersOnly =
    below > 0n && below <= LINKER_PAGE_MAX && below < memsz && offset === 0 && below <= filesz;
  const isPadding = () => elf.bytes.subarray(elf.headersEnd, Number(below)).every((byte) => byte === 0);
  const skip = headersOnly && isPadding() ? Number(below) : 0;
  const start = paddr + BigInt(skip);
  if (start < BigInt(RAM_BASE) || paddr + memsz > BigInt(ramEnd(options)))
    throw outsideRam(`${elf.file}: segment ${index}`, start, paddr + memsz, options.ram);
  return {
    name: `segment ${index}`,
    file: options.image,
    address: Number(start),
    size: Number(memsz) - skip,
    bytes: elf.bytes.subarray(offset + skip, offset + filesz),
  };
}

/**
 * e_entry is a virtual address; where the segment that holds it is loaded elsewhere, the CPU starts there. The same rule
 * as QEMU's: only a segment's bytes from the file count, and it must be executable.
 */
function physicalEntry({ entry, segments }: ElfFile): bigint {
  const holder = segments.findLast(
    ({ type, flags, vaddr, paddr, filesz }) =>
      type === PT_LOAD && vaddr !== paddr && flags & PF_X && entry >= vaddr && entry < vaddr + BigInt(filesz),
  );
  return holder ? entry - holder.vaddr + holder.paddr : entry;
}

/** Without an image that knows better: QEMU's `-device loader,file=F,addr=A` and `-device loader,addr=A,cpu-num=0`. */
function planRaw(options: BootOptions, raw: readonly Placed[], first: Placed | undefined): Plan {
  refuseModules(options);
  if (!first) throw new UserError('no image: name an ELF file or a Linux Image, or give --load FILE@ADDRESS');
  if (options.initrd !== undefined)
    throw new UserError('--initrd: goes with a Linux Image; for a raw binary use --load FILE@ADDRESS');
  const tree = lowDeviceTree(options, raw);
  return { entry: first.address, ...tree, placed: [...raw, ...tree.placed] };
}

/**
 * The device tree at the start of RAM, if there is room below the image. QEMU 7.2 does the same for an ELF image (`info
 * roms`); where there is no room it leaves the tree out, or, when the image begins at the start of RAM, writes it into the
 * flash at address 0, which this machine does not have yet.
 */
function lowDeviceTree(
  options: BootOptions,
  image: readonly Placed[],
): Pick<Plan, 'deviceTree' | 'notes'> & { placed: Placed[] } {
  const bytes = deviceTreeOf(options);
  const lowest = Math.min(ramEnd(options), ...image.map(({ address }) => address));
  if (lowest - RAM_BASE >= bytes.length)
    return {
      placed: [placedBytes('device tree', options.dtb, RAM_BASE, bytes)],
      deviceTree: { address: RAM_BASE, bytes },
    };
  const asked = options.dtb !== undefined ? '--dtb' : options.append ? '--append' : undefined;
  const notes = asked
    ? [
        `${asked} has no effect: a device tree of ${bytes.length} bytes does not fit between ${hex(RAM_BASE)} and the image at ${hex(lowest)}`,
      ]
    : [];
  return { placed: [], notes };
}

/**
 * As QEMU's `-bios`: firmware at address 0, and the device tree at the start of RAM. A kernel and an initrd are for the firmware to
 * fetch from fw_cfg.
 */
function planFirmware(options: BootOptions, raw: readonly Placed[]): Plan {
  refuseModules(options);
  const file = options.bios!;
  const bytes = read(options, file);
  if (bytes.length > MAP.flash0.size)
    throw new UserError(`${inputName(file)}: ${bytes.length} bytes: the flash holds ${MAP.flash0.size}`);
  const tree = deviceTreeOf(options);
  const { image, initrd, append } = options;
  const fwCfg = {
    ...(image === undefined ? {} : { kernel: unpackImage(read(options, image), inputName(image)) }),
    ...(initrd === undefined ? {} : { initrd: read(options, initrd) }),
    ...(append === undefined ? {} : { append }),
  };
  return {
    entry: MAP.flash0.base,
    placed: [
      ...raw,
      placedBytes('firmware', file, MAP.flash0.base, bytes),
      placedBytes('device tree', options.dtb, RAM_BASE, tree),
    ],
    deviceTree: { address: RAM_BASE, bytes: tree },
    fwCfg,
  };
}

function outsideRam(what: string, start: number | bigint, end: number | bigint, ram: number): UserError {
  const remedy =
    start < RAM_BASE ? 'link or load it higher' : 'give more with --ram, or link or load it lower';
  return new UserError(
    `${what} (${hex(start)} to ${hex(end)}) is outside RAM (${hex(RAM_BASE)} to ${hex(RAM_BASE + ram)}): ${remedy}`,
  );
}

/** Everything is in RAM or in flash, and nothing overlaps; `placed` is sorted by address. */
function checkPlaces(placed: readonly Placed[], ram: number): void {
  const describe = ({ name, file }: Placed) =>
    file === undefined ? `the ${name}` : `${inputName(file)}: ${name}`;
  let highest: Placed | undefined;
  for (const place of placed) {
    const end = place.address + place.size;
    const inFlash = place.address >= MAP.flash0.base && end <= MAP.flash1.base + MAP.flash1.size;
    if (!inFlash && (place.address < RAM_BASE || end > RAM_BASE + ram))
      throw outsideRam(describe(place), place.address, end, ram);
    const highestEnd = highest ? highest.address + highest.size : 0;
    if (highest && highestEnd > place.address)
      throw new UserError(
        `${describe(place)} (${hex(place.address)} to ${hex(end)}) overlaps ${describe(highest)} (${hex(highest.address)} to ${hex(highestEnd)})`,
      );
    if (end > highestEnd) highest = place;
  }
}
