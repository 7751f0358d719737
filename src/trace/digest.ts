/**
 * Digests and sealed JSON.
 *
 * A column's digest is SHA-256 over its decoded values, so that it outlives a change of compressor:
 * for nullable columns the validity (one byte a row), then for lists and bytes the length of each row (u32), then the
 * values, all little-endian. Text is digested as the u32 indices, its dictionary apart, as length (u32) and UTF-8 of
 * each entry; since entries are in order of first appearance, this is a function of the decoded texts.
 */
import { createHash } from 'node:crypto';
import type { ColumnData } from './columns.ts';

export const sha256 = (bytes: NodeJS.ArrayBufferView | string) =>
  createHash('sha256').update(bytes).digest('hex');

export function columnDigest(data: ColumnData): string {
  const hash = createHash('sha256');
  if (data.validity !== undefined) hash.update(data.validity);
  if (data.offsets !== undefined) {
    const { offsets } = data;
    const lengths = new Uint32Array(offsets.length - 1);
    for (let i = 0; i < lengths.length; i++) lengths[i] = offsets[i + 1] - offsets[i];
    hash.update(lengths);
  }
  return hash.update(data.values).digest('hex');
}

export function dictionaryDigest(dictionary: readonly string[]): string {
  const hash = createHash('sha256');
  for (const entry of dictionary) {
    const bytes = Buffer.from(entry, 'utf8');
    hash.update(Uint32Array.of(bytes.length)).update(bytes);
  }
  return hash.digest('hex');
}

/** The text of a JSON file that carries its own digest as its last member. */
export function seal(body: object): string {
  return `${JSON.stringify({ ...body, digest: sha256(JSON.stringify(body)) }, null, 1)}\n`;
}

/** The body of a sealed file; undefined when the text is not exactly what `seal` wrote. */
export function unseal(text: string): { readonly [name: string]: unknown } | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const { digest: _digest, ...body } = parsed as { digest?: unknown };
  return seal(body) === text ? body : undefined;
}
