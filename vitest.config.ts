import { defineConfig } from 'vitest/config';

/** The unit suite: what `npm test` runs. The long suite has its own configuration in test/conformance. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'analyzers/**/*.test.ts'],
    exclude: ['test/conformance/**'],
    // Generous: a busy machine is no failure.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
