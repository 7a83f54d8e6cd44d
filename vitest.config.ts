import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{spec,kernel,drivers,boot,tools,examples,test}/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    // Modules keep no state (the linter sees to it), so test files share what they import: half the time.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
