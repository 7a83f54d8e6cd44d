import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{spec,kernel,drivers,boot,tools,examples,test}/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
