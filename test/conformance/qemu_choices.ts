/**
 * The test switch of docs/qemu-differences.md: where real guests meet a point in which QEMU 7.2 does not follow the Arm ARM, the
 * comparison makes our machine do as QEMU does, so that it can go on behind it. Nothing else may use this.
 */
import { transferSyndrome } from '../../src/cpu/exceptions.ts';
import type { CpuModel } from '../../src/cpu/models/model.ts';
import { modelNamed } from '../../src/cpu/models/models.ts';
import { decode } from '../../src/isa/table.ts';
import type { Machine } from '../../src/machine/machine.ts';
import type { EventSink, RowOf } from '../../src/trace/schema.ts';

const DEVICE_OR_NON_CACHEABLE = (attribute: bigint) => (attribute & 0xf0n) === 0n || attribute === 0x44n;
const PAR_FAULT = 1n;
const PAR_SH = 3n << 7n;

export class QemuChoices {
  /** To be the machine's events. */
  readonly events: EventSink;
  #machine: Machine | undefined;
  #lastDescriptor = 0n;

  constructor() {
    this.events = {
      recording: true,
      append: (table, row) => {
        // NZCV is zero after an exception was taken.
        if (table === 'exceptions' && (row as RowOf<'exceptions'>).kind !== 'return' && this.#machine)
          this.#machine.state.nzcv = 0;
        if (table === 'walks' && (row as RowOf<'walks'>).stage === 1)
          this.#lastDescriptor = BigInt((row as RowOf<'walks'>).descriptors.at(-1) ?? 0);
        return 0;
      },
    };
  }

  /** Makes the machine with `make`. The identification registers say that there is AArch32 at EL0 and EL1. */
  impose(cpu: string, make: () => Machine): Machine {
    const model = modelNamed(cpu) as { masks: CpuModel['masks'] };
    const { masks } = model;
    // Reference runs have -icount, with which QEMU counts instructions too; and max has neither SVE nor SME there.
    model.masks = masks.filter(
      ({ register, reason }) => register === 'PMCEID0_EL0' || /SVE|SME/.test(reason),
    );
    try {
      this.#machine = make();
    } finally {
      model.masks = masks;
    }
    this.#imposeShareability(this.#machine);
    imposeTransferSyndrome(this.#machine);
    return this.#machine;
  }

  /** PAR_EL1.SH of Device and Normal Non-cacheable memory is the stage 1 descriptor's. */
  #imposeShareability({ processors: { cores } }: Machine): void {
    for (const { mmu } of cores) {
      const original = mmu.addressTranslate.bind(mmu);
      mmu.addressTranslate = (operation, ...rest) => {
        const result = original(operation, ...rest);
        const { par } = result;
        if (par === null || par & PAR_FAULT || operation.startsWith('S12')) return result;
        if (!DEVICE_OR_NON_CACHEABLE(par >> 56n)) return result;
        return { ...result, par: (par & ~PAR_SH) | (((this.#lastDescriptor >> 8n) & 3n) << 7n) };
      };
    }
  }
}

/** A stage 1 data abort that is taken to EL2 has the transfer's syndrome too: a VHE host keeps ESR_EL2. */
function imposeTransferSyndrome(machine: Machine): void {
  const { exceptions, state, registers } = machine;
  const original = exceptions.dataAbort.bind(exceptions);
  exceptions.dataAbort = (fault, va, access) => {
    const decoded = decode(machine.engine.currentWord());
    const transfer = access.maintenance ? undefined : decoded?.row.transfer?.(decoded.fields);
    original(fault, va, access);
    if (state.small('el') !== 2 || fault.stage !== 1 || !transfer) return;
    registers.set('ESR_EL2', registers.get('ESR_EL2') | BigInt(transferSyndrome(transfer)));
  };
}
