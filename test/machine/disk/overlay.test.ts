import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDrive } from '../../../src/machine/disk/drive.ts';
import { diskBlockOf, OverlayDisk } from '../../../src/machine/disk/overlay.ts';
import { UserError } from '../../../src/user-error.ts';

const SIZE = 40_000;
const OPTIONS = { readOnly: false, serial: '', changedBytesMax: 2 ** 20 };
const image = () => {
  const bytes = Uint8Array.from({ length: SIZE }, (_, i) => i % 251);
  return {
    bytes,
    size: SIZE,
    read: (position: number, target: Uint8Array) => {
      const part = bytes.subarray(position, position + target.length);
      target.set(part);
      target.fill(0, part.length);
      return true;
    },
  };
};
const disk = (options = {}) => new OverlayDisk(0, image(), { ...OPTIONS, ...options });

describe('a disk over an image', () => {
  it('reads what was written last, as plain bytes would, and leaves the image alone', () => {
    const range = fc.record({
      at: fc.nat(SIZE - 1),
      length: fc.integer({ min: 1, max: 9000 }),
      value: fc.nat(255),
    });
    const operation = fc.tuple(fc.constantFrom('read', 'write', 'zero'), range);
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), (operations) => {
        const base = image();
        const tested = new OverlayDisk(0, base, OPTIONS);
        const model = new Uint8Array(tested.size);
        model.set(base.bytes);
        for (const [kind, { at, length: wanted, value }] of operations) {
          const length = Math.min(wanted, tested.size - at);
          if (kind === 'read') {
            const got = new Uint8Array(length);
            expect(tested.read(at, got)).toBe(true);
            expect(Buffer.compare(got, model.subarray(at, at + length))).toBe(0);
          } else {
            model.fill(kind === 'zero' ? 0 : value, at, at + length);
            const done =
              kind === 'zero'
                ? tested.zero(at, length)
                : tested.write(at, new Uint8Array(length).fill(value));
            expect(done).toBe(true);
          }
        }
        expect(Buffer.compare(base.bytes, image().bytes)).toBe(0);
      }),
    );
  });

  it('gives each changed block once an epoch, and is the same again when they are restored', () => {
    const first = disk();
    first.write(5000, Uint8Array.of(1, 2, 3));
    first.write(4095, Uint8Array.of(9, 9));
    const early = first.takeDirty().map(({ pa, content }) => ({ pa, content: content.slice() }));
    first.write(5001, Uint8Array.of(7));
    const late = first.takeDirty().map(({ pa, content }) => ({ pa, content: content.slice() }));
    expect(early.map(({ pa }) => diskBlockOf(pa)?.block)).toEqual([0, 1]);
    expect(late.map(({ pa }) => diskBlockOf(pa)?.block)).toEqual([1]);
    expect(first.takeDirty()).toEqual([]);
    const second = disk();
    for (const { pa, content } of [...early, ...late]) second.restore(diskBlockOf(pa)!.block, content);
    const [a, b] = [new Uint8Array(9000), new Uint8Array(9000)];
    first.read(0, a);
    second.read(0, b);
    expect(b).toEqual(a);
    expect(a.slice(4995, 5004)).toEqual(Uint8Array.of(226, 227, 228, 229, 230, 1, 7, 3, 234));
  });

  it('holds no more changed blocks than it is allowed to', () => {
    const small = disk({ changedBytesMax: 8192 });
    expect(small.write(0, new Uint8Array(8192))).toBe(true);
    expect(small.write(8192, Uint8Array.of(1))).toBe(false);
    expect(small.write(100, Uint8Array.of(1))).toBe(true);
  });

  it('tells blocks of disks from pages of RAM', () => {
    expect(diskBlockOf(0x40_0000_0000)).toBeUndefined();
    const third = new OverlayDisk(3, image(), OPTIONS);
    third.write(8192, Uint8Array.of(1));
    expect(diskBlockOf(third.takeDirty()[0].pa)).toEqual({ disk: 3, block: 2 });
  });
});

describe('--drive', () => {
  it.each([
    ['disk.img', { file: 'disk.img' }],
    ['disk.img,format=raw,readonly=on', { file: 'disk.img', format: 'raw', readonly: true }],
    ['file=a=b.qcow2,if=none,id=hd0,format=qcow2', { file: 'a=b.qcow2', format: 'qcow2' }],
    ['format=raw,file=with,,comma,serial=A1', { file: 'with,comma', format: 'raw', serial: 'A1' }],
    ['if=virtio,file=x,cache=none,readonly=off', { file: 'x' }],
  ] as const)('%s', (argument, drive) => {
    expect(parseDrive(argument)).toEqual(drive);
  });

  it.each(['', 'format=raw', 'x,format=vmdk', 'x,if=ide', 'x,colour=red', 'x,readonly=yes', 'x,file=y'])(
    '%s is refused',
    (argument) => {
      expect(() => parseDrive(argument)).toThrow(UserError);
    },
  );
});
