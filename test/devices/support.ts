/** A clock that the test moves, and a context that records the events. */
import type { Dma } from '../../src/devices/dma.ts';
import type { DeviceContext } from '../../src/devices/register_table.ts';
import type { EventTable } from '../../src/trace/schema.ts';

export interface TestEvent {
  readonly table: EventTable;
  readonly [column: string]: unknown;
}

export function testContext(): { events: TestEvent[]; context: DeviceContext } {
  const events: TestEvent[] = [];
  const context: DeviceContext = {
    events: { recording: true, append: (table, row) => events.push({ ...row, table }) },
    pc: () => 0x4000_0000n,
  };
  return { events, context };
}

export class TestClock {
  time = 0;
  now(): number {
    return this.time;
  }
}

/** A device without memory to reach. */
export const NO_DMA: Dma = { read: () => false, write: () => false };
