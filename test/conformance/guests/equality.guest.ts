/** Real guests in QEMU and here: the same state before every instruction, by digests. */
import { describe, expect, test } from 'vitest';
import { compareImage } from '../qemu/compare.ts';
import { reportComparison } from '../qemu/report.ts';
import { type Boot, edk2, firmware, linux, linuxWithDevices, xen } from './boots.ts';
import { guestFile } from './guests.ts';

const DEADLINE = 1500;
/** To the banner of EDK2's shell and on; then the shell counts five seconds down, a thousand million instructions each. */
const EDK2_INSTRUCTIONS = 900_000_000;
/** U-Boot counts two seconds down, a thousand million instructions each. */
const U_BOOT_INSTRUCTIONS = 2_400_000_000;

async function compare(boot: Boot, limit?: number) {
  const comparison = await compareImage({ ...boot, limit, deadline: DEADLINE });
  const { divergence, ending } = comparison;
  expect({ divergence, ending }, reportComparison(comparison)).toEqual({});
  const printed = Buffer.from(comparison.console.subject).toString('latin1');
  console.log(`${comparison.commonPrefix} instructions, ${printed.length} bytes of console`);
  return { comparison, printed };
}

describe.each([2, 3] as const)('on GICv%i', (gic) => {
  test('U-Boot comes to its countdown, and polls for a key as it does in QEMU', async () => {
    const { printed } = await compare(firmware(gic, 'u-boot.bin'), 40_000_000);
    expect(printed).toContain('Hit any key to stop autoboot');
  });

  test('U-Boot, left alone, comes to its prompt', async () => {
    const { printed } = await compare(firmware(gic, 'u-boot.bin'), U_BOOT_INSTRUCTIONS);
    expect(printed).toContain('\n=> ');
  });

  test('Linux runs the suite of shell commands and switches off, all of it identical', async () => {
    const { comparison, printed } = await compare(linux(gic, 'suite'));
    expect(comparison.identical, reportComparison(comparison)).toBe(true);
    expect(printed).toContain('SUITE ENDS');
  });

  test('a guest runs under KVM, all of it identical', async () => {
    const { comparison, printed } = await compare(linux(gic, 'kvm'));
    expect(comparison.identical, reportComparison(comparison)).toBe(true);
    expect(printed).toContain('the guest switched itself off');
  });

  test('Debian’s cloud kernel boots, runs the suite and switches off, all of it identical', async () => {
    const { comparison } = await compare(linux(gic, 'suite', guestFile('vmlinuz-cloud')));
    expect(comparison.identical, reportComparison(comparison)).toBe(true);
  });

  test('Debian’s full kernel finds the ITS or GICv2m, runs the suite and switches off, all of it identical', async () => {
    const { comparison, printed } = await compare(linuxWithDevices(gic, 'suite', guestFile('vmlinuz')));
    expect(comparison.identical, reportComparison(comparison)).toBe(true);
    expect(printed).toContain(
      gic === 3 ? 'PCI/MSI: /intc@8000000/its@8080000 domain created' : 'GICv2m: range',
    );
    expect(printed).toContain('SUITE ENDS');
  });

  test('EDK2 comes to its shell', async () => {
    const { printed } = await compare(edk2(gic), EDK2_INSTRUCTIONS);
    expect(printed).toContain('UEFI Interactive Shell');
  });

  test('Xen starts one domain of Linux, which runs the suite', async () => {
    const { printed } = await compare(xen(gic, 1, 'suite'), 400_000_000);
    expect(printed).toContain('SUITE ENDS');
  });

  test('Xen starts two domains of Linux, which run the suite on one CPU', async () => {
    const { printed } = await compare(xen(gic, 2, 'suite'), 600_000_000);
    expect(printed.match(/SUITE ENDS/g)).toHaveLength(2);
  });
});
