/** @file Numbers drawn at once against numbers drawn one by one. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { random } from './random.ts'

it('fill draws what uniform would, and goes on where uniform would', () => {
  const limits = fc.double({ min: 1e-6, max: 10, noNaN: true })
  fc.assert(
    fc.property(fc.string(), fc.nat(2 ** 32 - 1), fc.nat(50), limits, (seed, state, count, limit) => {
      const [together, apart] = [random(seed, state), random(seed, state)]
      const values = new Float32Array(count)
      together.fill(values, limit)
      expect([...values]).toEqual(Array.from({ length: count }, () => Math.fround((2 * apart.uniform() - 1) * limit)))
      expect(together.state).toBe(apart.state)
    }),
  )
})
