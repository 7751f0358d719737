/**
 * The long suite: comparisons with programs that we did not write, which `npm test` must not need.
 *
 *     vitest run --config test/conformance/vitest.config.ts
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/conformance/**/*.conformance.ts'], testTimeout: 300_000, hookTimeout: 300_000 },
});
