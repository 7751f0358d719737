/** Quantities as users write and read them. */
import { UserError } from './user-error.ts';

const SIZES: { readonly [suffix: string]: number } = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const COUNTS: { readonly [suffix: string]: number } = { '': 1, k: 1e3, M: 1e6, G: 1e9 };
const TIMES: { readonly [suffix: string]: number } = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

/** An option and its value: `--ram 1G`, or `--until icount=1M` where the option ends with its equals sign. */
const said = (option: string, value: string): string =>
  option.endsWith('=') ? `${option}${value}` : `${option} ${value}`;

/** `example` is what a user is told to write instead. */
function parse(
  option: string,
  text: string,
  units: { readonly [suffix: string]: number },
  example: string,
): number {
  const [, number, suffix] = /^(0x[0-9a-f]+|[0-9]+(?:\.[0-9]+)?)([a-zA-Z]*)$/i.exec(text.trim()) ?? [];
  const value = number === undefined || !(suffix in units) ? Number.NaN : Number(number) * units[suffix];
  if (!Number.isSafeInteger(value))
    throw new UserError(`${said(option, text)}: write a number, as in ${said(option, example)}`);
  return value;
}

/** Bytes: 256M, 1G. */
export const parseSize = (option: string, text: string, example = '256M'): number =>
  parse(option, text.replace(/i?B$/, ''), SIZES, example);
/** A number of things: 1000000, 10M. */
export const parseCount = (option: string, text: string, example = '10M'): number =>
  parse(option, text, COUNTS, example);
/** Nanoseconds: 1.5s, 20ms. */
export const parseTime = (option: string, text: string): number => parse(option, text, TIMES, '1.5s');

/** An address: hexadecimal with 0x, or decimal. */
export function parseAddress(option: string, text: string): bigint {
  if (!/^(0x[0-9a-f]+|[0-9]+)$/i.test(text))
    throw new UserError(`${said(option, text)}: write an address, as in 0x40080000`);
  return BigInt.asUintN(64, BigInt(text));
}

/** 1234567 as 1,234,567. */
export const grouped = (n: number | bigint): string => n.toString().replace(/\B(?=(\d{3})+$)/g, ',');

export const hex = (n: number | bigint): string => `0x${n.toString(16)}`;

/** Bytes with a binary unit. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(3, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB'][power]}`;
}

/** Nanoseconds with a unit. */
export function formatTime(ns: number): string {
  if (ns < 1e3) return `${ns} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(1)} ms`;
  return `${(ns / 1e9).toFixed(3)} s`;
}
