import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// Two cores: two worker processes, each with one thread of the engine; threads of both would spin against each other.
export default defineConfig({
  // The tests' features must not mix with those of the person who runs them.
  test: {
    env: { ROOTSTOCK_CACHE: join(tmpdir(), `rootstock-tests-${process.pid}`), ROOTSTOCK_THREADS: '1' },
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
