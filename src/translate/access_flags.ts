/** A memory access as one integer, for calls out of translated code. */
import type { Access } from '../isa/emitter.ts';

export const ACCESS_STORE = 1 << 4;
export const ACCESS_UNPRIVILEGED = 1 << 5;
export const ACCESS_ALIGNED = 1 << 6;
export const ACCESS_PROBE = 1 << 7;
/** In no trace. */
export const ACCESS_MONITOR = 1 << 11;
/** A load that needs the permission to store too. */
export const ACCESS_ATOMIC = 1 << 12;

/** Bits 2..0: log2 of the size; 10..8: log2 of the alignment of an ACCESS_ALIGNED one. */
export function packAccess(access: Access, operation: 'load' | 'store' | 'probe'): number {
  return (
    Math.log2(access.bytes) |
    (operation === 'load' ? 0 : ACCESS_STORE) |
    (access.unprivileged ? ACCESS_UNPRIVILEGED : 0) |
    (access.aligned ? ACCESS_ALIGNED : 0) |
    (operation === 'probe' ? ACCESS_PROBE : 0) |
    (access.monitor ? ACCESS_MONITOR : 0) |
    (access.atomic ? ACCESS_ATOMIC : 0) |
    (Math.log2(access.alignment ?? access.bytes) << 8)
  );
}
export const accessBytes = (flags: number): 1 | 2 | 4 | 8 | 16 => (1 << (flags & 7)) as 1 | 2 | 4 | 8 | 16;
export const accessAlignment = (flags: number): number => 1 << ((flags >> 8) & 7);
