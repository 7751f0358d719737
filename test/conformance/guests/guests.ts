/** The real guests: which files there are, where they come from, and where they are looked for. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../../src/user-error.ts';

/** A file of a Debian package for arm64. */
export interface GuestFile {
  readonly name: string;
  /** The package; `depends` asks for the one that it depends on, whose name has the version in it. */
  readonly package: string;
  readonly depends?: RegExp;
  /** The file inside the package. */
  readonly path: RegExp;
}

/** Modules of Debian's cloud kernel, in an order in which they can be inserted. */
export const VIRTIO_MODULES = [
  'virtio_ring',
  'virtio',
  'virtio_mmio',
  'virtio_blk',
  'failover',
  'net_failover',
  'virtio_net',
  'virtio-rng',
  'virtio_console',
].map((name) => `${name}.ko`);

const CLOUD_KERNEL = {
  package: 'linux-image-cloud-arm64',
  depends: /^linux-image-[\d.]+-\d+-cloud-arm64$/,
} as const;

export const GUEST_FILES: readonly GuestFile[] = [
  { name: 'vmlinuz-cloud', ...CLOUD_KERNEL, path: /^boot\/vmlinuz-/ },
  ...VIRTIO_MODULES.map((name) => ({ name, ...CLOUD_KERNEL, path: new RegExp(`^lib/modules/.*/${name}$`) })),
  {
    name: 'vmlinuz',
    package: 'linux-image-arm64',
    depends: /^linux-image-[\d.]+-\d+-arm64$/,
    path: /^boot\/vmlinuz-/,
  },
  { name: 'busybox', package: 'busybox-static', path: /^bin\/busybox$/ },
  { name: 'xen', package: 'xen-hypervisor-4.17-arm64', path: /^boot\/xen-4\.17-arm64$/ },
  { name: 'u-boot.bin', package: 'u-boot-qemu', path: /^usr\/lib\/u-boot\/qemu_arm64\/u-boot\.bin$/ },
  { name: 'QEMU_EFI.fd', package: 'qemu-efi-aarch64', path: /^usr\/share\/qemu-efi-aarch64\/QEMU_EFI\.fd$/ },
];

/** Made here from busybox and our scripts; the suite makes its own, with our programs. */
export const INITRAMFS = 'initramfs.cpio';
/** Built from Debian's kernel source with tiny-kvm.config by `npm run guests -- --tiny`. */
export const TINY_KERNEL = 'Image-tiny-kvm';
/** The kernel's selftests of KVM, built from its source by `npm run guests -- --selftests`. */
export const KVM_SELFTESTS = 'kvm-selftests.cpio';
/** Says of each file which package and version it is from, and its digest. */
export const MANIFEST = 'guests.json';

/** HINDSIGHT_GUESTS, or a folder of the checkout that git ignores. */
export const guestDirectory = (): string =>
  resolve(
    process.env['HINDSIGHT_GUESTS'] ?? fileURLToPath(new URL('../../../.cache/guests', import.meta.url)),
  );

export const hasGuest = (name: string): boolean => existsSync(join(guestDirectory(), name));

/** Path of a guest's file; a `UserError` that says how to get it where it is absent. */
export function guestFile(name: string): string {
  const path = join(guestDirectory(), name);
  if (existsSync(path)) return path;
  const option = { [TINY_KERNEL]: ' -- --tiny', [KVM_SELFTESTS]: ' -- --selftests' }[name] ?? '';
  throw new UserError(
    `${path}: no such file: fetch the guests with \`npm run guests${option}\`, or name their folder in HINDSIGHT_GUESTS`,
  );
}
