/**
 * The kernel's own selftests of KVM, run one after the other by Linux: which, with what arguments, and what came of each. Those that
 * take long get their own switches for less.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cached } from '../qemu/reference.ts';
import { cpio, executable } from './cpio.ts';
import { guestFile, KVM_SELFTESTS } from './guests.ts';
import { initramfs } from './initramfs.ts';
import { SELFTEST_FOLDER } from './linux_source.ts';

/** Commands for a host of one CPU. */
export const SELFTESTS: readonly string[] = [
  'aarch32_id_regs',
  'vcpu_width_config',
  'get-reg-list',
  'hypercalls',
  'psci_test',
  'debug-exceptions -i 20',
  'vgic_init',
  'vgic_irq',
  // One vCPU that stays: with more of them than CPUs, or when it moves, its deadline of 10.1 ms may pass unnoticed.
  'arch_timer -n 1 -m 0',
  'steal_time',
  'kvm_binary_stats_test',
  'kvm_create_max_vcpus',
  'set_memory_region_test',
  'demand_paging_test -b 2M',
  'demand_paging_test -b 2M -u MISSING',
  'demand_paging_test -b 2M -u MINOR -s shmem',
  // Pages of 64 KiB in the guest: its gigabyte has 16,384 of them.
  'dirty_log_test -m 7 -i 3',
  'dirty_log_perf_test -b 2M',
  'kvm_page_table_test -b 4M',
  'memslot_modification_stress_test -b 2M',
];

/** Those that are about two CPUs, or in which what runs on two waits for each other. */
export const SELFTESTS_OF_TWO_CPUS: readonly string[] = [
  'rseq_test',
  'demand_paging_test -b 2M -v 2',
  'dirty_log_perf_test -b 2M -v 2',
  'kvm_page_table_test -b 4M -v 2',
  'memslot_modification_stress_test -b 2M -v 2',
  // One of its six, a second of the guest's time: most of the others fail where a CPU of the host does not answer for two seconds.
  'memslot_perf_test -l 1 -s 64 -f 3 -e 3',
];

/** Exit code of a test that cannot run here (KSFT_SKIP). */
export const SKIP = 4;

/** Seconds of the guest's time, which is the host's under a QEMU that does not count instructions. */
const TIME_LIMIT = 200;

/** The first program of the guest: runs the commands, shows what they print and how they end, and switches off. */
const script = (commands: readonly string[]) =>
  [
    '#!/bin/busybox sh',
    '/bin/busybox --install -s /bin',
    'mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null',
    // They map more than they touch.
    'echo 1 > /proc/sys/vm/overcommit_memory',
    'run() {',
    '  echo "SELFTEST $*"',
    `  timeout -s KILL ${TIME_LIMIT} /${SELFTEST_FOLDER}/"$@" 2>&1`,
    '  echo "SELFTEST EXIT $?"',
    '}',
    ...commands.map((command) => `run ${command}`),
    'poweroff -f',
    '',
  ].join('\n');

/** Path of a root file system that runs the commands as `rdinit=/run-selftests`. */
export function selftestInitramfs(commands: readonly string[]): string {
  const parts = [
    initramfs(readFileSync(guestFile('busybox'))),
    cpio([executable('run-selftests', Buffer.from(script(commands)))]),
    readFileSync(guestFile(KVM_SELFTESTS)),
  ];
  const archive = Buffer.concat(parts);
  return cached('selftests.cpio', [archive], (path) => writeFileSync(path, archive));
}

export interface SelftestResult {
  readonly command: string;
  readonly exit: number;
  /** What it printed, without what cannot be the same. */
  readonly printed: string;
}

/** Identities of processes, addresses, and what was measured: times, rates, and how often something was done in a time. */
const NOISE: readonly (readonly [RegExp, string])[] = [
  [/\b(pid|tid)=\d+/g, '$1=N'],
  [/\b0x[0-9a-f]+/g, 'ADDRESS'],
  [/\d+\.\d+s\b/g, 'TIME'],
  [/[\d.]+ pgs\/sec/g, 'RATE'],
  [/(Done |\(with )\d+ iterations/g, '$1N iterations'],
  [/Dirtied \d+ pages/g, 'Dirtied N pages'],
  [/(dirty|clear|track_next) \(\d+\)/g, '$1 (N)'],
];

/** What a console shows of the tests that ended. */
export function selftestResults(console: string): SelftestResult[] {
  const parts = console
    .replaceAll('\r', '')
    .split(/^SELFTEST (?!EXIT)/m)
    .slice(1);
  return parts.flatMap((part) => {
    const ended = /^(?<command>[^\n]*)\n(?<printed>.*)SELFTEST EXIT (?<exit>\d+)\n/s.exec(part)?.groups;
    if (!ended) return [];
    const printed = NOISE.reduce(
      (text, [pattern, name]) => text.replaceAll(pattern, name),
      ended['printed']!,
    );
    return [{ command: ended['command']!, exit: Number(ended['exit']), printed }];
  });
}
