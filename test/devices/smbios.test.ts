import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { smbiosAnchor, smbiosTables } from '../../src/devices/smbios.ts';

interface Dump {
  readonly ramMiB: number;
  readonly cpus: number;
  readonly anchor: string;
  readonly tables: string;
}
const dumps: Dump[] = JSON.parse(readFileSync(new URL('smbios.qemu.json', import.meta.url), 'utf8'));

test.each(dumps)('SMBIOS tables for $ramMiB MiB and $cpus CPUs have the bytes of QEMU’s', (dump) => {
  const tables = smbiosTables({ ram: dump.ramMiB * 2 ** 20, cpus: dump.cpus });
  expect(Buffer.from(tables).toString('hex')).toBe(dump.tables);
  expect(Buffer.from(smbiosAnchor(tables)).toString('hex')).toBe(dump.anchor);
});
