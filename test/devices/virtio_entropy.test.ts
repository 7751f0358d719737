import { expect, it } from 'vitest';
import { VirtioEntropy } from '../../src/devices/virtio_entropy.ts';
import { TestDriver } from './virtio_driver.ts';

const start = (seed: string) => {
  const driver = new TestDriver(new VirtioEntropy(seed), 2);
  driver.start();
  const take = (length: number) => {
    const [place] = driver.add(0, [{ in: length }]);
    driver.run(0);
    return Buffer.from(driver.bytesAt(place, driver.takeUsed(0)!.written)).toString('hex');
  };
  return { driver, take };
};

it('the bytes follow from the seed, however they are asked for', () => {
  const [one, two] = [start('seed'), start('seed')];
  expect(one.take(100)).toBe([7, 32, 61].map((length) => two.take(length)).join(''));
  // printf 'seed 0' | sha256sum
  expect(start('seed').take(32)).toBe('2f5c36ed794f639044eb85ca9d72d419045ab90d9db3cf19c7c9855cda3c0c1e');
  expect(start('other').take(32)).not.toBe(start('seed').take(32));
});

it('goes on after a snapshot, and after a reset of the device, with bytes that it has not given', () => {
  const first = start('seed');
  const given = first.take(40);
  const second = start('seed');
  second.driver.device.restore(first.driver.device.save());
  second.driver.start();
  expect(given + second.take(24)).toBe(start('seed').take(64));
});
