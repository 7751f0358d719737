import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksum, UserNetwork } from '../../src/devices/user_network.ts';
import { VirtioNetwork } from '../../src/devices/virtio_network.ts';
import { TestDriver } from './virtio_driver.ts';

const MAC = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const [RECEIVE, TRANSMIT] = [0, 1];

/** Frames that Debian's kernel and busybox exchanged with QEMU's user network: README.md says how they were caught. */
const exchange: readonly { readonly from: 'guest' | 'network'; readonly frame: string }[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'user-network.qemu.json'), 'utf8'),
);
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

/** Where the options of a DHCP message begin: Ethernet, IPv4, UDP, BOOTP and the cookie. */
const DHCP_OPTIONS = 14 + 20 + 8 + 240;

function dhcp(frame: Uint8Array) {
  const options: { [code: number]: string } = {};
  for (let at = DHCP_OPTIONS; frame[at] !== 255; ) {
    if (frame[at] === 0) {
      at += 1;
      continue;
    }
    options[frame[at]] = Buffer.from(frame.subarray(at + 2, at + 2 + frame[at + 1])).toString('hex');
    at += 2 + frame[at + 1];
  }
  const address = (offset: number) => [...frame.subarray(offset, offset + 4)].join('.');
  return {
    addresses: [address(26), address(30)],
    ports: Buffer.from(frame.subarray(34, 38)).toString('hex'),
    transaction: Buffer.from(frame.subarray(46, 50)).toString('hex'),
    yours: address(58),
    hardware: Buffer.from(frame.subarray(70, 86)).toString('hex'),
    options,
  };
}

describe('the network behind it, against what QEMU answered', () => {
  const pairs = exchange.flatMap(({ from, frame }, i) =>
    from === 'guest' ? [{ request: bytes(frame), reply: bytes(exchange[i + 1].frame) }] : [],
  );
  const network = new UserNetwork(() => {});
  const ours = pairs.map(({ request }) => network.answers(request));

  it('one answer for each frame', () => {
    expect(ours.map((answers) => answers.length)).toEqual([1, 1, 1, 1]);
  });

  it('DHCP offers and acknowledges the same lease', () => {
    for (const i of [0, 1]) expect(dhcp(ours[i][0])).toEqual(dhcp(pairs[i].reply));
  });

  it('ARP gives the same frame', () => {
    expect(ours[2][0]).toEqual(pairs[2].reply);
  });

  it('ping comes back the same, but for the identification of the packet', () => {
    const blank = (frame: Uint8Array) => Uint8Array.from(frame).fill(0, 18, 22).fill(0, 24, 26);
    expect(blank(ours[3][0])).toEqual(blank(pairs[3].reply));
    expect(checksum(ours[3][0].subarray(14, 34))).toBe(0);
    expect(checksum(ours[3][0].subarray(34))).toBe(0);
  });
});

it('whatever the guest sends, it gets whole frames or nothing', () => {
  const network = new UserNetwork(() => {});
  const changed = fc.tuple(
    fc.constantFrom(...exchange.map(({ frame }) => frame)),
    fc.array(fc.tuple(fc.nat(350), fc.nat(255)), { maxLength: 5 }),
    fc.nat(600),
  );
  fc.assert(
    fc.property(changed, ([hex, changes, length]) => {
      const frame = bytes(hex).slice(0, length);
      for (const [at, value] of changes) if (at < frame.length) frame[at] = value;
      for (const answer of network.answers(frame)) {
        expect(answer.length).toBeGreaterThanOrEqual(42);
        expect(answer.length).toBeLessThanOrEqual(1514);
      }
    }),
    { numRuns: 500 },
  );
});

describe.each([
  [1, [15], 10],
  [1, [], 12],
  [2, [], 12],
] as const)('the device, version %i without features %j', (version, without, header) => {
  const start = () => {
    const driver = new TestDriver(new VirtioNetwork(MAC), version);
    driver.start(without);
    return driver;
  };
  const arp = bytes(exchange[4].frame);
  const send = (driver: TestDriver, frame: Uint8Array) => {
    driver.add(TRANSMIT, [{ out: new Uint8Array(header) }, { out: frame }]);
    driver.run(TRANSMIT);
  };

  it('delivers the answer behind a header of the right size', () => {
    const driver = start();
    const [place] = driver.add(RECEIVE, [{ in: 1526 }]);
    send(driver, arp);
    expect(driver.takeUsed(RECEIVE)?.written).toBe(header + 64);
    expect(driver.bytesAt(place + header, 64)).toEqual(bytes(exchange[5].frame));
    if (header === 12) expect([...driver.bytesAt(place + 10, 2)]).toEqual([1, 0]);
  });

  it('keeps an answer until the guest has a buffer for it, also in a snapshot', () => {
    const driver = start();
    send(driver, arp);
    const saved = JSON.parse(JSON.stringify(driver.device.save()));
    driver.device.restore(saved);
    driver.add(RECEIVE, [{ in: 1526 }]);
    driver.run(RECEIVE);
    expect(driver.takeUsed(RECEIVE)?.written).toBe(header + 64);
  });

  it('loses frames rather than hold more than 64', () => {
    const driver = start();
    for (let i = 0; i < 100; i++) send(driver, arp);
    expect((driver.device.save()['backend'] as { waiting: unknown[] }).waiting).toHaveLength(64);
  });

  it('names what has no answer', () => {
    const driver = start();
    const udp = bytes(exchange[0].frame);
    udp[36] = 53;
    send(driver, udp);
    expect(driver.events.map((row) => row['what'])).toContain('virtio-net: UDP has no answer here');
  });
});
