/**
 * The translation tables of an image with random streams: everything one to one; the pages of the scratch area each with
 * permissions and attributes of their own, at both stages and for EL2. 4 KiB granule, 39-bit addresses, tables from level 1.
 */
import {
  CODE,
  CODE_END,
  DESCRIPTORS,
  DESCRIPTORS_END,
  DRIVER,
  LOG,
  LOG_END,
  SCRATCH,
  SCRATCH_PAGES,
  TABLES,
} from './layout.ts';
import type { Choices } from './randomness.ts';
import type { Target } from './target.ts';

/** What the driver writes to the system registers once. */
export interface Registers
  extends Partial<Record<`AP${'IA' | 'IB' | 'DA' | 'DB' | 'GA'}KEY${'LO' | 'HI'}_EL1`, bigint>> {
  readonly MAIR_EL1: bigint;
  readonly TCR_EL1: bigint;
  readonly TTBR0_EL1: bigint;
  readonly TTBR1_EL1: bigint;
  readonly MAIR_EL2: bigint;
  readonly TCR_EL2: bigint;
  readonly TTBR0_EL2: bigint;
  readonly VTCR_EL2: bigint;
  readonly VTTBR_EL2: bigint;
  readonly CPTR_EL2: bigint;
  readonly CPACR_EL1: bigint;
}

const VALID = 1n;
const TABLE = 3n;
const PAGE = 3n;
const ACCESSED = 1n << 10n;
const INNER_SHAREABLE = 3n << 8n;
const EXECUTE_NEVER = 1n << 54n;
const GUARDED = 1n << 50n;
/** AP[2:1] at bits 7:6: 0 EL1 only, 1 all, 2 read-only EL1, 3 read-only all. */
const access = (ap: number) => BigInt(ap) << 6n;
/** Stage 2: S2AP at bits 7:6 (1 read, 2 write), MemAttr 1111 is Normal write-back. */
const NORMAL_S2 = 0xfn << 2n;

const MIB2 = 0x20_0000;

/** One regime's tables: level 1, a level 2 for the GiB of RAM, a level 3 for the scratch area. */
class Tables {
  readonly level1: BigUint64Array = new BigUint64Array(512);
  readonly level2: BigUint64Array = new BigUint64Array(512);
  readonly level3: BigUint64Array = new BigUint64Array(512);
  readonly base: number;

  constructor(base: number) {
    this.base = base;
    this.level1[1] = BigInt(base + 0x1000) | TABLE;
    this.level2[(SCRATCH - 0x4000_0000) / MIB2] = BigInt(base + 0x2000) | TABLE;
  }
  blocks(from: number, to: number, attributes: bigint): void {
    for (let pa = from; pa < to; pa += MIB2)
      this.level2[(pa - 0x4000_0000) / MIB2] = BigInt(pa) | attributes | VALID;
  }
  page(n: number, attributes: bigint): void {
    this.level3[n] = BigInt(SCRATCH + 0x1000 * n) | attributes | PAGE;
  }
}

export interface ImageTables {
  readonly registers: Registers;
  readonly address: number;
  readonly bytes: Uint8Array;
}

export function randomTables(choices: Choices, target: Target): ImageTables {
  const normal = ACCESSED | INNER_SHAREABLE;
  const guarded = () => (target.has('BTI') && choices.oneIn(2) ? GUARDED : 0n);
  const el1 = new Tables(TABLES);
  el1.blocks(DRIVER, DRIVER + MIB2, normal | access(0));
  // The branch target's kind is checked in some pages.
  for (let block = CODE; block < CODE_END; block += MIB2)
    el1.blocks(block, block + MIB2, normal | access(3) | guarded());
  // Seen from EL2 in the EL2&0 regime.
  el1.blocks(DESCRIPTORS, DESCRIPTORS_END, normal | access(0));
  el1.blocks(LOG, LOG_END, normal | access(0));
  const el2 = new Tables(TABLES + 0x3000);
  el2.blocks(DRIVER, CODE, normal | access(1));
  for (let block = CODE; block < CODE_END; block += MIB2)
    el2.blocks(block, block + MIB2, normal | access(1) | guarded());
  el2.blocks(DESCRIPTORS, DESCRIPTORS_END, normal | access(1));
  el2.blocks(LOG, LOG_END, normal | access(1));
  const stage2 = new Tables(TABLES + 0x6000);
  stage2.blocks(DRIVER, CODE_END, normal | NORMAL_S2 | access(3));
  stage2.blocks(LOG, LOG_END, normal | NORMAL_S2 | access(3));

  for (let n = 0; n < SCRATCH_PAGES; n++) {
    const usual = choices.oneIn(2);
    const accessed = usual || !choices.oneIn(6) ? ACCESSED : 0n;
    if (usual || !choices.oneIn(5))
      el1.page(n, accessed | INNER_SHAREABLE | access(usual ? 1 : choices.below(4)) | EXECUTE_NEVER);
    if (usual || !choices.oneIn(5))
      el2.page(n, accessed | INNER_SHAREABLE | access(choices.oneIn(3) ? 3 : 1) | EXECUTE_NEVER);
    const usual2 = choices.oneIn(2);
    if (usual2 || !choices.oneIn(5))
      stage2.page(
        n,
        (usual2 || !choices.oneIn(6) ? ACCESSED : 0n) |
          NORMAL_S2 |
          INNER_SHAREABLE |
          access(usual2 ? 3 : choices.below(4)),
      );
  }
  const all = [el1, el2, stage2].flatMap(({ level1, level2, level3 }) => [level1, level2, level3]);
  return {
    address: TABLES,
    bytes: new Uint8Array(Buffer.concat(all.map((table) => new Uint8Array(table.buffer)))),
    registers: {
      // Attribute 0 is Normal write-back, in both.
      MAIR_EL1: 0xffn,
      MAIR_EL2: 0xffn,
      // T0SZ 25, 4 KiB, write-back, inner shareable; no walks through TTBR1 (EPD1); 40-bit physical addresses.
      TCR_EL1: 0x2_0080_3519n | (25n << 16n),
      TTBR0_EL1: BigInt(el1.base),
      TTBR1_EL1: 0n,
      TCR_EL2: 0x8082_3519n,
      TTBR0_EL2: BigInt(el2.base),
      VTCR_EL2: 0x8002_3559n,
      VTTBR_EL2: BigInt(stage2.base),
      CPTR_EL2: 0x33ffn,
      CPACR_EL1: 3n << 20n,
      ...(target.has('PAuth') ? keys(choices) : {}),
    },
  };
}

const keys = (choices: Choices) =>
  Object.fromEntries(
    ['IA', 'IB', 'DA', 'DB', 'GA'].flatMap((key) =>
      ['LO', 'HI'].map((half) => [`AP${key}KEY${half}_EL1`, choices.bits64()]),
    ),
  );
