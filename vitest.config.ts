import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// Two cores: two worker processes; each golden of a large network needs most of one.
export default defineConfig({
  // The tests' features must not mix with those of the person who runs them.
  test: {
    env: { ROOTSTOCK_CACHE: join(tmpdir(), `rootstock-tests-${process.pid}`) },
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
