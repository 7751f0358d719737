/**
 * The suite of real guests: minutes, and files that `npm run guests` fetches.
 *
 *     vitest run --config test/conformance/guests/vitest.config.ts
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/conformance/guests/*.guest.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    pool: 'forks',
    maxWorkers: 1,
  },
});
