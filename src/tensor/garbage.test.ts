/** @file Numbers that nobody holds are freed when it is asked for, not 64 MB later. */
import { expect, it } from 'vitest'
import { collectGarbage, passing } from './index.ts'

const MIB = 2 ** 20
const megabytes = (): number => process.memoryUsage().arrayBuffers / MIB

/** Numbers that are gone when this returns. */
function made(bytes: number): number {
  return new Float32Array(bytes / 4).length
}

it('collectGarbage frees what nobody holds', () => {
  collectGarbage()
  const before = megabytes()
  made(40 * MIB)
  expect(megabytes() - before).toBeGreaterThan(35)
  collectGarbage()
  expect(megabytes() - before).toBeLessThan(5)
})

it('passing keeps what waits small', () => {
  collectGarbage()
  const before = megabytes()
  let most = 0
  for (let i = 0; i < 60; i++) {
    made(MIB)
    passing(MIB)
    most = Math.max(most, megabytes() - before)
  }
  expect(most).toBeLessThan(20)
})
