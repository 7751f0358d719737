/**
 * Brings the real guests onto a machine that reaches Debian's packages: kernels, busybox, Xen, U-Boot and EDK2 for arm64.
 *
 *     npm run guests -- [DIRECTORY] [--tiny] [--selftests]
 *
 * The packages come from the machine's own apt sources, checked by apt against their signed lists, into an apt root of their own:
 * nothing is installed. DIRECTORY is HINDSIGHT_GUESTS or .cache/guests when it is not given. `--tiny` also builds the small kernel
 * from Debian's kernel source, which takes minutes and needs gcc-aarch64-linux-gnu, make, flex, bison, bc and libssl-dev;
 * `--selftests` the kernel's selftests of KVM, which takes half a minute and needs the first two.
 * guests.json there lists versions and SHA-256 digests.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../../../src/user-error.ts';
import {
  GUEST_FILES,
  type GuestFile,
  guestDirectory,
  INITRAMFS,
  KVM_SELFTESTS,
  MANIFEST,
  TINY_KERNEL,
} from './guests.ts';
import { initramfs } from './initramfs.ts';
import { kvmSelftests, type RunTool, tinyKernel } from './linux_source.ts';

const LINUX_SOURCE = 'linux-source-6.1';

interface Origin {
  readonly package: string;
  readonly version: string;
  readonly sha256: string;
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function tool(name: string, args: readonly string[], cwd?: string): string {
  try {
    return execFileSync(name, args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 2 ** 28,
    });
  } catch (error) {
    const { code, stderr, message } = error as { code?: string; stderr?: string; message: string };
    if (code === 'ENOENT')
      throw new UserError(`${name} is not here: the guests come from Debian's packages, on a Debian machine`);
    const complaint = (stderr || message).trim().split('\n').at(-1);
    throw new UserError(
      `${name} ${args.filter((arg) => arg !== '-o' && !arg.includes('::')).join(' ')}: ${complaint}`,
    );
  }
}

/** An apt that knows arm64 packages only and keeps everything it knows in a folder of its own. */
class AptRoot {
  readonly #root: string;
  readonly #options: readonly string[];
  readonly #unpacked = new Map<string, { folder: string; version: string }>();

  constructor(root: string) {
    this.#root = root;
    for (const folder of ['state/lists/partial', 'cache/archives/partial', 'packages'])
      mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, 'status'), '');
    const settings = {
      'Dir::State': join(root, 'state'),
      'Dir::State::status': join(root, 'status'),
      'Dir::Cache': join(root, 'cache'),
      'APT::Architecture': 'arm64',
      'APT::Architectures': 'arm64',
      'APT::Sandbox::User': '',
      'APT::Update::Post-Invoke-Success::': '',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '2',
    };
    this.#options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }

  update(): void {
    tool('apt-get', [...this.#options, '-qq', 'update']);
    // A mirror that does not answer is a warning to apt.
    if (!readdirSync(join(this.#root, 'state/lists')).some((name) => name.includes('_Packages')))
      throw new UserError(
        "Debian's packages cannot be reached from here: apt-get update brought no list for arm64; copy the folder from a machine that has them",
      );
  }

  /** The package that `name` depends on whose name fits. */
  dependency(name: string, pattern: RegExp): string {
    const words = tool('apt-cache', [...this.#options, 'depends', name]).split(/\s+/);
    const found = words.find((word) => pattern.test(word));
    if (!found) throw new UserError(`${name}: this machine's apt sources have no such package for arm64`);
    return found;
  }

  /** Downloads a package and unpacks it, once; where it is unpacked, and its version. */
  unpack(name: string): { folder: string; version: string } {
    const unpacked = this.#unpacked.get(name);
    if (unpacked) return unpacked;
    const folder = join(this.#root, 'packages', name);
    mkdirSync(folder, { recursive: true });
    tool('apt-get', [...this.#options, '-qq', 'download', name], folder);
    const archive = readdirSync(folder).find((file) => file.endsWith('.deb'));
    if (!archive) throw new UserError(`${name}: apt-get downloaded nothing`);
    const version = tool('dpkg-deb', ['-f', join(folder, archive), 'Version']).trim();
    tool('dpkg-deb', ['-x', join(folder, archive), join(folder, 'files')]);
    const result = { folder: join(folder, 'files'), version };
    this.#unpacked.set(name, result);
    return result;
  }
}

function fetchFile(apt: AptRoot, file: GuestFile, directory: string): Origin {
  const name = file.depends ? apt.dependency(file.package, file.depends) : file.package;
  const { folder, version } = apt.unpack(name);
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const path = paths.find((candidate) => file.path.test(candidate));
  if (!path) throw new UserError(`${name} ${version}: has no file ${file.path.source}`);
  const bytes = readFileSync(join(folder, path));
  writeFileSync(join(directory, file.name), bytes);
  return { package: name, version, sha256: sha256(bytes) };
}

/** Builds something of Debian's kernel source, which is unpacked once. */
function buildOfLinux(
  apt: AptRoot,
  scratch: string,
  path: string,
  build: (source: string, run: RunTool) => Uint8Array,
): Origin {
  const { folder, version } = apt.unpack(LINUX_SOURCE);
  const source = join(scratch, LINUX_SOURCE);
  if (!existsSync(source))
    tool('tar', ['-xf', join(folder, `usr/src/${LINUX_SOURCE}.tar.xz`), '-C', scratch]);
  const bytes = build(source, tool);
  writeFileSync(path, bytes);
  return { package: LINUX_SOURCE, version, sha256: sha256(bytes) };
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { tiny: { type: 'boolean' }, selftests: { type: 'boolean' } },
  });
  if (positionals.length > 1) throw new UserError('name one directory');
  const directory = resolve(positionals[0] ?? guestDirectory());
  mkdirSync(directory, { recursive: true });
  const manifestPath = join(directory, MANIFEST);
  const origins: { [file: string]: Origin } = existsSync(manifestPath)
    ? JSON.parse(readFileSync(manifestPath, 'utf8'))
    : {};
  const scratch = mkdtempSync(join(directory, 'apt-'));
  try {
    const apt = new AptRoot(scratch);
    apt.update();
    for (const file of GUEST_FILES) origins[file.name] = fetchFile(apt, file, directory);
    const archive = initramfs(readFileSync(join(directory, 'busybox')));
    writeFileSync(join(directory, INITRAMFS), archive);
    origins[INITRAMFS] = { ...origins['busybox'], sha256: sha256(archive) };
    const built = (name: string, build: (source: string, run: RunTool) => Uint8Array) => {
      origins[name] = buildOfLinux(apt, scratch, join(directory, name), build);
    };
    if (values.selftests) built(KVM_SELFTESTS, kvmSelftests);
    if (values.tiny) built(TINY_KERNEL, tinyKernel);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  writeFileSync(manifestPath, `${JSON.stringify(origins, null, 2)}\n`);
  for (const [name, origin] of Object.entries(origins))
    console.log(`${origin.sha256.slice(0, 16)}  ${name.padEnd(16)} ${origin.package} ${origin.version}`);
}

try {
  main();
} catch (error) {
  const isMistake =
    error instanceof UserError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  if (!isMistake) throw error;
  console.error(`guests: ${(error as Error).message}`);
  process.exitCode = 2;
}
