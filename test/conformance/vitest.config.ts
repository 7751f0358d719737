/** The long suite: `npm run conformance`. Its oracle is QEMU; a missing tool is a failure. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/conformance/**/*.conformance.ts'], testTimeout: 300_000, fileParallelism: false },
});
