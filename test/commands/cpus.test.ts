import { describe, expect, it } from 'vitest';
import { MODELS } from '../../src/cpu/models/models.ts';
import { hindsight } from './command_line.ts';

describe('hindsight cpus', () => {
  it('lists every model with its MIDR_EL1', async () => {
    const { code, stdout } = await hindsight('cpus');
    expect(code).toBe(0);
    const lines = stdout.trim().split('\n').slice(1);
    expect(lines.map((line) => line.split(/ +/)[0])).toEqual(MODELS.map(({ name }) => name));
    expect(stdout).toMatch(/^neoverse-n1 +0x414fd0c1 /m);
  });

  it('shows the features of a model, and each masked field with its reason', async () => {
    const { stdout } = await hindsight('cpus', 'max');
    expect(stdout).toMatch(/ LSE /);
    expect(stdout).toMatch(/ID_AA64PFR0_EL1\[35:32\] +0 +SVE: SVE is not implemented/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  it('gives the same as JSON', async () => {
    const { stdout } = await hindsight('cpus', 'cortex-a57', '--format', 'json');
    const [facts] = JSON.parse(stdout);
    expect(facts).toMatchObject({ name: 'cortex-a57', compatible: 'arm,cortex-a57', midr: '0x411fd070' });
    expect(facts.features).not.toContain('LSE');
    expect(facts.masks[0]).toMatchObject({ register: 'ID_AA64PFR0_EL1', bits: '3:0', value: 1 });
  });

  it('says in one line which models there are when the name is wrong', async () => {
    const { code, stderr } = await hindsight('cpus', 'z80');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^hindsight: z80: no such CPU model; there are .*neoverse-n1.*\n$/);
  });
});
