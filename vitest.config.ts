import { defineConfig } from 'vitest/config'

// Two cores: two worker processes; each golden of a large network needs most of one.
export default defineConfig({
  test: { include: ['src/**/*.test.ts', 'test/**/*.test.ts'], pool: 'forks', maxWorkers: 2, testTimeout: 120_000, hookTimeout: 120_000 },
})
