/** How a device reaches guest memory by itself. Addresses are physical, lengths bytes. */
export interface Dma {
  /** Copies memory from `pa` on into `target`; false, with `target` undefined, unless all of it is RAM. */
  read(pa: number, target: Uint8Array): boolean;
  /** Copies `source` to `pa`; false, with nothing written, unless all of it is RAM. `who` is for table `writes`. */
  write(pa: number, source: Uint8Array, who: string): boolean;
}
