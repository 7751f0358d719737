/** `--load FILE@ADDRESS`: bytes put into RAM as they are, as QEMU's `-device loader,force-raw=on` does. */
import { UserError } from '../user-error.ts';

export interface RawLoad {
  readonly file: string;
  /** Physical address of the first byte. */
  readonly address: number;
}

/** Parses FILE@ADDRESS; the address is hexadecimal with 0x, or decimal. A file's name may hold @ itself. */
export function parseRawLoad(argument: string): RawLoad {
  const at = argument.lastIndexOf('@');
  const address = argument.slice(at + 1);
  if (at <= 0 || !/^(0x[0-9a-f]+|[0-9]+)$/i.test(address))
    throw new UserError(`--load ${argument}: write FILE@ADDRESS, as in --load module.bin@0x48000000`);
  return { file: argument.slice(0, at), address: Number(address) };
}
