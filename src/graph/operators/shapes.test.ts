/** @file Shape rules against the shapes that the engine really gives, on random valid inputs. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sizeOf, zeros } from '../../tensor/index.ts'
import { runOnce } from '../../engine/here.cases.ts'
import { createTape, type Tape, type Value } from '../index.ts'
import { broadcast, windowed } from './shapes.ts'

/** Every run prepares a graph in the engine, which takes a few milliseconds. */
const runs = { numRuns: 60, seed: 1 }

const size = fc.integer({ min: 1, max: 4 })
const shape = fc.array(size, { minLength: 1, maxLength: 4 })

/** Two shapes that broadcast: parts of one shape, with ones put in at random. */
const broadcasting = fc.tuple(shape, fc.infiniteStream(fc.boolean()), fc.nat(4), fc.nat(4)).map(([whole, coin, cutA, cutB]) => {
  const part = (cut: number): number[] => whole.slice(Math.min(cut, whole.length)).map((own) => (coin.next().value ? 1 : own))
  return [part(cutA), part(cutB)] as const
})

/** The inferred shape holds: the engine gives just that one. */
async function holds(inputs: readonly (readonly number[])[], record: (tape: Tape, values: readonly Value[]) => Value): Promise<void> {
  const tape = createTape()
  const values = inputs.map((one, i) => tape.input(`x${i}`, { shape: one, dtype: 'float32' }))
  const y = record(tape, values)
  const results = await runOnce('cpu', tape.graph([y]), new Map(values.map((value, i) => [value, zeros(inputs[i]!)])))
  expect(results.get(y)?.shape).toEqual(y.shape)
}

describe('shape rules agree with the engine', () => {
  it('for broadcasting', async () => {
    await fc.assert(
      fc.asyncProperty(broadcasting, (shapes) => holds(shapes, (tape, values) => tape.op('Add', values, {}))),
      runs,
    )
  })

  it('for Expand', async () => {
    await fc.assert(
      fc.asyncProperty(broadcasting, ([from, to]) => holds([from], (tape, [x]) => tape.op('Expand', [x!, tape.integers(to)], {}))),
      runs,
    )
  })

  it('for Reshape with 0 and −1', async () => {
    const reshaping = fc.tuple(shape, fc.nat(4), fc.nat(4), fc.boolean()).map(([from, keep, open, joined]) => {
      const to: number[] = joined ? [...from.slice(0, -2), sizeOf(from.slice(-2))] : [...from]
      if (keep < to.length && to[keep] === from[keep]) to[keep] = 0
      if (open < to.length) to[open] = -1
      return [from, to] as const
    })
    await fc.assert(
      fc.asyncProperty(reshaping, ([from, to]) => holds([from], (tape, [x]) => tape.op('Reshape', [x!, tape.integers(to)], {}))),
      runs,
    )
  })

  it('for Slice with any starts, ends and steps', async () => {
    const bound = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constantFrom(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER))
    const step = fc.integer({ min: -3, max: 3 }).filter((value) => value !== 0)
    const cut = fc.record({ axis: fc.integer({ min: -3, max: 2 }), start: bound, end: bound, step })
    const slicing = fc.tuple(
      fc.tuple(size, size, fc.integer({ min: 1, max: 7 })),
      fc.uniqueArray(cut, { minLength: 1, maxLength: 2, selector: ({ axis }) => (axis + 3) % 3 }),
    )
    await fc.assert(
      fc.asyncProperty(slicing, ([from, cuts]) =>
        holds([from], (tape, [x]) => {
          const column = (key: 'start' | 'end' | 'axis' | 'step'): Value => tape.integers(cuts.map((one) => one[key]))
          return tape.op('Slice', [x!, column('start'), column('end'), column('axis'), column('step')], {})
        }),
      ),
      { ...runs, numRuns: 200 },
    )
  })

  it('for Conv and pools of any window', async () => {
    const two = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<[T, T]> => fc.tuple(of, of)
    const window = fc.record({
      size: two(fc.integer({ min: 5, max: 9 })),
      kernel: two(fc.integer({ min: 1, max: 3 })),
      strides: two(fc.integer({ min: 1, max: 3 })),
      dilations: two(fc.integer({ min: 1, max: 2 })),
      pads: fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(window, async ({ size: plane, kernel, strides, dilations, pads }) => {
        await holds(
          [
            [1, 2, ...plane],
            [3, 2, ...kernel],
          ],
          (tape, values) => tape.op('Conv', values, { strides, dilations, pads, group: 1 }),
        )
        const inside = pads.map((pad, i) => Math.min(pad, kernel[i % 2]! - 1))
        await holds([[1, 2, ...plane]], (tape, values) => tape.op('MaxPool', values, { kernel_shape: kernel, strides, pads: inside }))
      }),
      runs,
    )
  })
})

describe('broadcast', () => {
  it.each([
    [[null, 3], [3], [null, 3]],
    [
      [null, 3],
      [1, 1],
      [null, 3],
    ],
    [[null], [null], [null]],
    [
      [null, 1],
      [2, 5],
      [null, 5],
    ],
    [[], [null], [null]],
  ])('%j with %j is %j', (a, b, expected) => {
    expect(broadcast(a, b)).toEqual(expected)
  })

  it('refuses sizes that differ', () => {
    expect(() => broadcast([2, 3], [2, 4])).toThrow('sizes 3 and 4 do not broadcast')
  })
})

describe('windowed', () => {
  it('refuses a window larger than what it slides over', () => {
    const window = { kernel: 3, stride: 1, dilation: 2, before: 1, after: 1 }
    expect(windowed(3, window)).toBe(1)
    expect(() => windowed(2, window)).toThrow('a window of 3 does not fit into 2 values')
    expect(windowed(null, window)).toBe(null)
  })
})
