import { defineConfig } from 'vitest/config';

/** The unit suite: what `npm test` runs. The long suite has its own configuration in test/conformance. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'analyzers/**/*.test.ts'],
    exclude: ['test/conformance/**'],
    testTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
