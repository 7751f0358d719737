/**
 * A network of one guest and a gateway, with the addresses of QEMU's `-netdev user`: 10.0.2.0/24, the guest 10.0.2.15, the gateway
 * 10.0.2.2, a name server 10.0.2.3. It answers ARP, DHCP and ping, and has no state: an answer follows from the frame alone.
 */

export const FRAME_MAX = 1514;

const GATEWAY = [10, 0, 2, 2] as const;
const NAME_SERVER = [10, 0, 2, 3] as const;
const GUEST = [10, 0, 2, 15] as const;
const NETMASK = [255, 255, 255, 0] as const;
const EVERYBODY = [255, 255, 255, 255] as const;
const BROADCAST = Array<number>(6).fill(255);
/** As QEMU's: 52:55 and the IPv4 address. */
const macOf = (address: readonly number[]) => [0x52, 0x55, ...address];

const ETHERNET_HEADER = 14;
/** QEMU pads an answer to this. */
const ARP_FRAME = 64;
const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 } as const;
const ICMP = { echoReply: 0, echoRequest: 8 } as const;
const DHCP = {
  serverPort: 67,
  clientPort: 68,
  cookie: 0x6382_5363,
  discover: 1,
  offer: 2,
  request: 3,
  acknowledge: 5,
  refuse: 6,
  inform: 8,
} as const;
/** Fixed part of a BOOTP message, before the cookie. */
const BOOTP_SIZE = 236;
const LEASE_SECONDS = 86400;

const same = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length && Array.prototype.every.call(a, (byte, i) => byte === b[i]);
const be16 = (value: number) => [(value >>> 8) & 0xff, value & 0xff];
const be32 = (value: number) => [...be16(value >>> 16), ...be16(value & 0xffff)];

export class UserNetwork {
  readonly #unanswered: (what: string) => void;

  /** `unanswered` is told what kind of frame got no answer. */
  constructor(unanswered: (what: string) => void) {
    this.#unanswered = unanswered;
  }

  /** The frames that come back for one that the guest sends. */
  answers(frame: Uint8Array): readonly Uint8Array[] {
    if (frame.length < ETHERNET_HEADER) return [];
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const type = view.getUint16(12);
    if (type === ETHERTYPE.arp) return this.#arp(frame, view);
    if (type === ETHERTYPE.ipv4) return this.#ipv4(frame, view);
    this.#unanswered(type === ETHERTYPE.ipv6 ? 'IPv6' : 'a frame of another protocol');
    return [];
  }

  #arp(frame: Uint8Array, view: DataView): readonly Uint8Array[] {
    const ethernetIpv4 = frame.length >= ETHERNET_HEADER + 28 && view.getUint32(14) === 0x0001_0800;
    if (!ethernetIpv4 || view.getUint16(20) !== 1) return [];
    const target = frame.subarray(38, 42);
    if (!same(target, GATEWAY) && !same(target, NAME_SERVER)) return [];
    const sender = frame.subarray(22, 28);
    const mac = macOf([...target]);
    const header = [...sender, ...mac, ...be16(ETHERTYPE.arp)];
    const reply = [0, 1, 8, 0, 6, 4, 0, 2, ...mac, ...target, ...sender, ...frame.subarray(28, 32)];
    const padding = Array<number>(ARP_FRAME - header.length - reply.length).fill(0);
    return [Uint8Array.from([...header, ...reply, ...padding])];
  }

  #ipv4(frame: Uint8Array, view: DataView): readonly Uint8Array[] {
    const start = ETHERNET_HEADER;
    if (frame.length < start + 20 || frame[start] >>> 4 !== 4) return [];
    const header = 4 * (frame[start] & 15);
    const total = view.getUint16(start + 2);
    const fragment = (view.getUint16(start + 6) & 0x3fff) !== 0;
    if (header < 20 || total < header || start + total > frame.length || fragment) return [];
    const payload = frame.subarray(start + header, start + total);
    const source = frame.subarray(start + 12, start + 16);
    const destination = frame.subarray(start + 16, start + 20);
    const protocol = frame[start + 9];
    if (protocol === PROTOCOL.icmp && payload.length >= 8 && payload[0] === ICMP.echoRequest)
      return this.#echo(frame.subarray(6, 12), source, destination, payload);
    if (protocol === PROTOCOL.udp && payload.length >= 8) {
      const udp = new DataView(payload.buffer, payload.byteOffset, payload.length);
      if (udp.getUint16(2) === DHCP.serverPort) return this.#dhcp(payload.subarray(8));
    }
    const names: { readonly [protocol: number]: string } = {
      [PROTOCOL.icmp]: 'ICMP',
      [PROTOCOL.tcp]: 'TCP',
      [PROTOCOL.udp]: 'UDP',
    };
    this.#unanswered(names[protocol] ?? 'an IPv4 packet of another protocol');
    return [];
  }

  #echo(mac: Uint8Array, source: Uint8Array, destination: Uint8Array, request: Uint8Array): Uint8Array[] {
    if (!same(destination, GATEWAY) && !same(destination, NAME_SERVER)) {
      this.#unanswered('ICMP');
      return [];
    }
    const reply = Uint8Array.from(request);
    reply[0] = ICMP.echoReply;
    reply.set([0, 0], 2);
    reply.set(be16(checksum(reply)), 2);
    return [packet(mac, [...destination], [...source], PROTOCOL.icmp, reply)];
  }

  /** RFC 2131, RFC 2132: the one lease there is. */
  #dhcp(message: Uint8Array): readonly Uint8Array[] {
    if (message.length < BOOTP_SIZE + 4 || message[0] !== 1) return [];
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    if (view.getUint32(BOOTP_SIZE) !== DHCP.cookie) return [];
    const options = dhcpOptions(message.subarray(BOOTP_SIZE + 4));
    const type = options.get(53)?.[0];
    if (type !== DHCP.discover && type !== DHCP.request && type !== DHCP.inform) return [];
    const wanted = options.get(50);
    const refused = type === DHCP.request && wanted !== undefined && !same(wanted, GUEST);
    const kind = type === DHCP.discover ? DHCP.offer : refused ? DHCP.refuse : DHCP.acknowledge;
    const reply = new Uint8Array(BOOTP_SIZE);
    reply.set([2, 1, 6, 0]);
    reply.set(message.subarray(4, 8), 4);
    if (!refused && type !== DHCP.inform) reply.set(GUEST, 16);
    reply.set(GATEWAY, 20);
    reply.set(message.subarray(28, 44), 28);
    const lease = [
      ...[1, 4, ...NETMASK],
      ...[3, 4, ...GATEWAY],
      ...[6, 4, ...NAME_SERVER],
      ...(type === DHCP.inform ? [] : [51, 4, ...be32(LEASE_SECONDS)]),
    ];
    const answer = [53, 1, kind, 54, 4, ...GATEWAY, ...(refused ? [] : lease), 255];
    const body = [...reply, ...be32(DHCP.cookie), ...answer];
    const udp = [...be16(DHCP.serverPort), ...be16(DHCP.clientPort), ...be16(8 + body.length), 0, 0, ...body];
    // To everybody, as QEMU answers: the guest may have no address yet.
    return [packet(BROADCAST, GATEWAY, EVERYBODY, PROTOCOL.udp, Uint8Array.from(udp))];
  }
}

function dhcpOptions(bytes: Uint8Array): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length && bytes[at] !== 255; ) {
    if (bytes[at] === 0) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    options.set(bytes[at], bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return options;
}

/** An IPv4 packet in a frame, from the station that has the source address. */
function packet(
  mac: ArrayLike<number>,
  source: readonly number[],
  destination: readonly number[],
  protocol: number,
  payload: Uint8Array,
): Uint8Array {
  const length = 20 + payload.length;
  const ttl = 255;
  const header = Uint8Array.from([
    ...[0x45, 0, ...be16(length)],
    ...[0, 0, 0, 0],
    ...[ttl, protocol, 0, 0],
    ...source,
    ...destination,
  ]);
  header.set(be16(checksum(header)), 10);
  const frame = [...Array.from(mac), ...macOf(source), ...be16(ETHERTYPE.ipv4), ...header, ...payload];
  return Uint8Array.from(frame);
}

/** The internet checksum, RFC 1071. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += i % 2 === 0 ? bytes[i] * 256 : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
