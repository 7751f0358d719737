import type { Signature } from '../wasm/module.ts';
import { I32 } from '../wasm/opcodes.ts';

/** Of a region's function: function.ts says what it takes and returns. */
export const REGION_SIGNATURE: Signature = { parameters: [I32], results: [I32] };
