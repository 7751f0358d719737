/** The list of names that Linux and Xen carry about themselves, as scripts/kallsyms.c and tools/symbols.c write it. */

/** Tokens that stand for more than one letter take numbers that no letter needs. */
const TOKENS = Array.from({ length: 256 }, (_, i) =>
  i === 0 ? 'function_' : i === 1 ? 'long_long_' : i > 0x20 && i < 0x7f ? String.fromCharCode(i) : `~${i}`,
);

export const aligned = (bytes: Buffer, to: number) =>
  Buffer.concat([bytes, Buffer.alloc((to - (bytes.length % to)) % to)]);
export const words = (values: readonly number[]) => Buffer.from(Uint32Array.from(values).buffer);

function compressed(name: string): Buffer {
  const numbers: number[] = [];
  for (let at = 0; at < name.length; ) {
    const token = name.startsWith(TOKENS[0], at)
      ? 0
      : name.startsWith(TOKENS[1], at)
        ? 1
        : name.charCodeAt(at);
    numbers.push(token);
    at += TOKENS[token].length;
  }
  const { length } = numbers;
  return Buffer.from([...(length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7]), ...numbers]);
}

/** Its parts, in their order; `typed` are names with their type letter. */
export function nameTable(typed: readonly string[]) {
  const names = typed.map(compressed);
  const strings = TOKENS.map((token) => Buffer.from(`${token}\0`, 'latin1'));
  const places = (parts: readonly Buffer[]) => {
    let at = 0;
    return parts.map(({ length }) => {
      at += length;
      return at - length;
    });
  };
  return {
    count: words([typed.length]),
    names: Buffer.concat(names),
    markers: words(places(names).filter((_, i) => i % 256 === 0)),
    strings: Buffer.concat(strings),
    index: Buffer.from(Uint16Array.from(places(strings)).buffer),
  };
}
