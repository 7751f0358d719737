/** Values of results as text, and writing text to streams. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { JS } from '@duckdb/node-api';

/** Writes, and waits while the reader is behind. */
export async function put(out: Writable, data: string | Uint8Array): Promise<void> {
  if (!out.write(data)) await once(out, 'drain');
}

const isBytes = (value: JS): value is Uint8Array => value instanceof Uint8Array;
const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex')}`;

/** A value as its JSON text. Integers of 64 bits and more are written out whole; bytes are hexadecimal text. */
export function jsonText(value: JS): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (value === null || value === undefined) return 'null';
  if (isBytes(value)) return JSON.stringify(hex(value));
  if (value instanceof Date) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`)
      .join(',')}}`;
  return JSON.stringify(value);
}

/** A value as plain text: that of a cell. null is empty. */
export function cellText(value: JS): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (isBytes(value)) return hex(value);
  return typeof value === 'object' ? jsonText(value) : String(value);
}
