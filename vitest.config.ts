import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Whole-system tests start processes and wait for events; no test depends on speed.
    testTimeout: 240_000,
    hookTimeout: 120_000,
    // Real servers and processes on possibly two cores: more files at once would only wait for each other.
    maxWorkers: 2,
    globalSetup: ['test/helpers/global-setup.ts'],
  },
});
