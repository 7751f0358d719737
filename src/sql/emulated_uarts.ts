/**
 * UARTs that a hypervisor or its user space emulates, found by what guests store to them. No table says what a guest takes for a UART,
 * and each hypervisor has its own place for it. Its data register is recognized by its use:
 *
 * - stores that trap (data aborts of stage 2 whose syndrome has the value's register) go from one VM to one intermediate physical
 *   address, the UARTDR of a PL011 or the THR of a 8250;
 * - each stores one byte, in an access of any size: all bits above are zero;
 * - nineteen of twenty are text, in UTF-8, with the control characters that terminals know;
 * - two printable characters at least are different, and an end of a line comes behind them.
 *
 * A 8250 prints nothing of what is stored to THR's address while its LCR, three registers on, has bit DLAB: that is its divisor's; nor
 * while its MCR, one further, has bit LOOP: a driver measures its FIFO with 256 bytes that come back. What is no UART stores numbers: of a
 * queue to notify, of an interrupt, bits of control. It fails by values above 255 or below the printable ones.
 */
/** Each of so many stores may be no text: what a driver tries out. */
const TEXTS_PER_OTHER = 19;
/** VMs and addresses that are observed at a time: a guest may store everywhere. */
const MOST_OBSERVED = 1 << 16;

/** Registers of a 8250, by their offsets from THR: at every byte, and at every fourth. */
const LINE_CONTROL = { offsets: [3, 12], bit: 0x80, most: 0xff };
/** Its upper two bits are zero. That tells it from a PL011's UARTECR at offset 4, which 0xff clears. */
const MODEM_CONTROL = { offsets: [4, 16], bit: 0x10, most: 0x3f };

/** \a \b \t \n \v \f \r and ESC. */
const CONTROLS = new Set([0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1b]);
const LINE_FEED = 0x0a;
const RETURN = 0x0d;

/** A trapped store, as table exceptions has it. */
export interface TrappedStore {
  /** VTTBR_EL2. */
  readonly vttbr: bigint;
  readonly ipa: number;
  readonly data: bigint;
}

/** The stores to one address. */
class Observed {
  #texts = 0;
  #others = 0;
  /** The first printable character; -1 once there was another one. */
  #only = 0;
  /** A line ended behind different printable characters. */
  #lines = false;
  /** Bytes of a UTF-8 sequence that are to come. */
  #expected = 0;

  add(data: bigint): void {
    const byte = data < 256n ? Number(data) : -1;
    if (!this.#isText(byte)) {
      this.#others++;
      return;
    }
    this.#texts++;
    if (byte > 0x20 && byte < 0x7f) {
      if (this.#only === 0) this.#only = byte;
      else if (this.#only !== byte) this.#only = -1;
    } else if (this.#only < 0 && (byte === LINE_FEED || byte === RETURN)) this.#lines = true;
  }

  #isText(byte: number): boolean {
    if (byte >= 0x80) {
      const continues = byte < 0xc0;
      if (continues !== this.#expected > 0) return false;
      this.#expected = continues ? this.#expected - 1 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      return byte < 0xf8;
    }
    this.#expected = 0;
    return byte >= 0x20 ? byte < 0x7f : CONTROLS.has(byte);
  }

  get isUart(): boolean {
    return this.#lines && this.isText;
  }
  get isText(): boolean {
    return this.#others * TEXTS_PER_OTHER <= this.#texts;
  }
  get isOld(): boolean {
    return this.#texts + this.#others > 1;
  }
}

/** The 8250s of one VM to which it stores something else than output. */
export class DivertedStores {
  /** Addresses of THR: those with DLAB, and those with LOOP. */
  readonly #latched = new Set<number>();
  readonly #looped = new Set<number>();

  /** Whether the store goes there. Wants every store of the VM, in order. */
  has(ipa: number, data: bigint): boolean {
    const diverted = this.#latched.has(ipa) || this.#looped.has(ipa);
    observe(this.#latched, LINE_CONTROL, ipa, data);
    observe(this.#looped, MODEM_CONTROL, ipa, data);
    return diverted;
  }
}

function observe(
  addresses: Set<number>,
  { offsets, bit, most }: typeof LINE_CONTROL,
  ipa: number,
  data: bigint,
): void {
  const set = data <= BigInt(most) && (Number(data) & bit) !== 0;
  for (const offset of offsets)
    if (!set) addresses.delete(ipa - offset);
    else if (addresses.size < MOST_OBSERVED) addresses.add(ipa - offset);
}

/** Watches the stores of a recording, in order. */
export class UartFinder {
  readonly #vms = new Map<
    bigint,
    { readonly diverted: DivertedStores; readonly at: Map<number, Observed> }
  >();
  /** VMs and addresses that are observed. */
  #observed = 0;

  add({ vttbr, ipa, data }: TrappedStore): void {
    if (this.#observed + 2 > MOST_OBSERVED) this.#forget();
    let vm = this.#vms.get(vttbr);
    if (vm === undefined) {
      if (this.#observed + 2 > MOST_OBSERVED) return;
      vm = { diverted: new DivertedStores(), at: new Map() };
      this.#vms.set(vttbr, vm);
      this.#observed++;
    }
    if (vm.diverted.has(ipa, data)) return;
    let observed = vm.at.get(ipa);
    if (observed === undefined) {
      if (this.#observed === MOST_OBSERVED) return;
      observed = new Observed();
      vm.at.set(ipa, observed);
      this.#observed++;
    }
    observed.add(data);
  }

  /** Makes room: forgets what is no text so far, or was stored to once; if that is nothing, all that is no UART yet. */
  #forget(): void {
    for (const keep of [(o: Observed) => o.isText && o.isOld, (o: Observed) => o.isUart]) {
      for (const [vttbr, { at }] of this.#vms) {
        for (const [ipa, observed] of at)
          if (!keep(observed)) {
            at.delete(ipa);
            this.#observed--;
          }
        if (at.size > 0) continue;
        this.#vms.delete(vttbr);
        this.#observed--;
      }
      if (this.#observed < MOST_OBSERVED / 2) return;
    }
  }

  /** Addresses of the data registers found, by VTTBR_EL2. */
  found(): ReadonlyMap<bigint, ReadonlySet<number>> {
    const found = new Map<bigint, ReadonlySet<number>>();
    for (const [vttbr, { at }] of this.#vms) {
      const uarts = [...at].flatMap(([ipa, observed]) => (observed.isUart ? [ipa] : []));
      if (uarts.length > 0) found.set(vttbr, new Set(uarts));
    }
    return found;
  }
}
