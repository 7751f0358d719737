/** Pointer authentication: the ciphers by known answers, the layout of a signed pointer, keys, switches and traps. */
import { describe, expect, test } from 'vitest';
import { PointerAuthentication } from '../../src/cpu/pointer_authentication.ts';
import { xxhash64 } from '../../src/cpu/pointer_hash.ts';
import { qarma5 } from '../../src/cpu/qarma.ts';
import { CpuState } from '../../src/cpu/state.ts';
import { slotOf } from '../../src/cpu/sysregs/table.ts';

test('QARMA-64 with sigma 2 and five rounds gives the vector of the paper, appendix A', () => {
  const cipherText = qarma5(
    0xfb62_3599_da6e_8127n,
    0x477d_469d_ec0b_8762n,
    0x84be_85ce_9804_e94bn,
    0xec28_02d4_e0a4_88e9n,
  );
  expect(cipherText.toString(16)).toBe('c003b93999b33765');
});

interface Setting {
  readonly el?: number;
  readonly hcr?: bigint;
  readonly sctlr?: bigint;
  readonly tcr?: bigint;
  readonly features?: readonly string[];
}
const ALL_KEYS = (1n << 31n) | (1n << 30n) | (1n << 27n) | (1n << 13n);
const API = 1n << 41n;
const TBI0 = 1n << 37n;
const TBID0 = 1n << 51n;
/** Ranges of 39 bits. */
const T39 = 25n | (25n << 16n);

function cpu({ el = 1, hcr = API, sctlr = ALL_KEYS, tcr = T39, features = [] }: Setting = {}) {
  const state = new CpuState(new ArrayBuffer(65536));
  state.setSmall('el', el);
  const set = (name: string, value: bigint) => {
    state.u64[slotOf(name)] = value;
  };
  for (const name of ['IA', 'IB', 'DA', 'DB', 'GA']) {
    set(`AP${name}KeyHi_EL1`, 0x84be_85ce_9804_e94bn);
    set(`AP${name}KeyLo_EL1`, 0xec28_02d4_e0a4_88e9n);
  }
  set('HCR_EL2', hcr);
  set(el === 2 ? 'SCTLR_EL2' : 'SCTLR_EL1', sctlr);
  set(el === 2 ? 'TCR_EL2' : 'TCR_EL1', tcr);
  const traps: number[] = [];
  const pointers = new PointerAuthentication({
    state,
    features: new Set(features),
    el2: true,
    onTrap: () => traps.push(1),
  });
  return { pointers, traps };
}

const LOWER = 0x0000_0012_3456_7890n;
const UPPER = 0xffff_ff92_3456_7890n;
const MODIFIER = 0x477d_469d_ec0b_8762n;
const KEYS = ['ia', 'ib', 'da', 'db'] as const;

describe('a signed pointer', () => {
  test.each([LOWER, UPPER])(
    '0x%x keeps its address and bit 55, is authentic, and loses its code by XPAC',
    (plain) => {
      const { pointers } = cpu();
      for (const key of KEYS) {
        const signed = pointers[`pac${key}`](plain, MODIFIER);
        const codeBits = 0xff7f_ff80_0000_0000n;
        expect(signed & ~codeBits).toBe(plain & ~codeBits);
        expect(signed).not.toBe(plain);
        expect(pointers[`aut${key}`](signed, MODIFIER)).toBe(plain);
        expect(pointers.xpacd(signed)).toBe(plain);
      }
    },
  );

  test('has as its code the cipher of the plain pointer, in bits 63:56 and 54:39', () => {
    const code = qarma5(LOWER, MODIFIER, 0x84be_85ce_9804_e94bn, 0xec28_02d4_e0a4_88e9n);
    expect(cpu().pointers.pacia(LOWER, MODIFIER)).toBe((code & 0xff7f_ff80_0000_0000n) | LOWER);
  });

  test('keeps its tag where the top byte is ignored, for instructions unless TBID says no', () => {
    const tagged = LOWER | (0x25n << 56n);
    const { pointers } = cpu({ tcr: T39 | TBI0 | TBID0 });
    expect(pointers.pacda(tagged, MODIFIER) >> 56n).toBe(0x25n);
    // The tag counts as wrong extension bits: bit 62 of the code is inverted.
    const code = qarma5(LOWER, MODIFIER, 0x84be_85ce_9804_e94bn, 0xec28_02d4_e0a4_88e9n);
    const spoilt = (code ^ (1n << 62n)) & 0xff7f_ff80_0000_0000n;
    expect(pointers.pacia(tagged, MODIFIER)).toBe(spoilt | LOWER);
  });

  test('that is not authentic gets the number of its key and its complement in bits 62:61, or 54:53 below a tag', () => {
    const { pointers } = cpu();
    const signed = pointers.pacia(LOWER, MODIFIER);
    expect(pointers.autia(signed, MODIFIER + 1n)).toBe(LOWER | (1n << 61n));
    expect(pointers.autib(pointers.pacib(LOWER, MODIFIER) ^ (1n << 60n), MODIFIER)).toBe(LOWER | (2n << 61n));
    const tagging = cpu({ tcr: T39 | TBI0 }).pointers;
    expect(tagging.autdb(LOWER | (7n << 40n), MODIFIER)).toBe(LOWER | (2n << 53n));
  });

  test('at EL2 has one range, whose top byte is ignored by TCR_EL2.TBI', () => {
    const { pointers } = cpu({ el: 2, hcr: 0n, tcr: 16n | (1n << 20n) });
    const signed = pointers.pacia(0xab00_9012_3456_7890n, MODIFIER);
    expect(signed & ~0x007f_0000_0000_0000n).toBe(0xab00_9012_3456_7890n);
    expect(pointers.autia(signed, MODIFIER)).toBe(0xab00_9012_3456_7890n);
  });
});

test('a key that SCTLR_ELx switches off leaves pointers as they are, and does not trap; XPAC and PACGA need no switch', () => {
  const { pointers, traps } = cpu({ sctlr: 1n << 30n, hcr: 0n });
  expect([pointers.pacia(LOWER, 0n), pointers.autda(1n << 60n, 0n), pointers.xpaci(1n << 60n)]).toEqual([
    LOWER,
    1n << 60n,
    0n,
  ]);
  expect(traps).toEqual([]);
  pointers.pacib(LOWER, 0n);
  pointers.pacga(LOWER, 0n);
  expect(traps).toEqual([1, 1]);
});

test('HCR_EL2.API traps EL1 and EL0, but neither EL2 nor the EL0 of a host', () => {
  const hostsEl0 = (1n << 34n) | (1n << 27n);
  for (const [setting, trapped] of [
    [{ hcr: 0n }, 1],
    [{ hcr: 0n, el: 0 }, 1],
    [{ hcr: 1n << 27n, el: 0 }, 1],
    [{ hcr: hostsEl0, el: 0 }, 0],
    [{ hcr: 0n, el: 2 }, 0],
    [{ hcr: API }, 0],
  ] as const) {
    const { pointers, traps } = cpu(setting);
    pointers.pacga(1n, 2n);
    expect(
      traps.length,
      JSON.stringify(setting, (_, n) => String(n)),
    ).toBe(trapped);
  }
});

test('PACGA gives the upper half of the code of the generic key', () => {
  const code = qarma5(5n, 6n, 0x84be_85ce_9804_e94bn, 0xec28_02d4_e0a4_88e9n);
  expect(cpu().pointers.pacga(5n, 6n)).toBe((code >> 32n) << 32n);
});

test('with FEAT_PACIMP the code is the hash that QEMU 7.2 computes with pauth-impdef=on', () => {
  const { pointers } = cpu({ features: ['PACIMP'] });
  const code = xxhash64(LOWER, MODIFIER, 0x84be_85ce_9804_e94bn, 0xec28_02d4_e0a4_88e9n);
  expect(pointers.pacia(LOWER, MODIFIER)).toBe((code & 0xff7f_ff80_0000_0000n) | LOWER);
});
