/** @file What layers make of shapes and settings, held to what Keras 3.15.1 makes of them. */
import { describe, expect, it } from 'vitest'
import * as layers from './index.ts'
import type { SymbolicTensor } from './index.ts'

const input = (...shape: (number | null)[]): SymbolicTensor => layers.input({ shape })

describe('add and multiply', () => {
  it.each([
    {
      shapes: [
        [4, 4, 3],
        [4, 1, 3],
      ],
      expected: [null, 4, 4, 3],
    },
    { shapes: [[4, 3], [3]], expected: [null, 4, 3] },
    {
      shapes: [
        [1, 3],
        [4, 1],
      ],
      expected: [null, 4, 3],
    },
    {
      shapes: [
        [4, 3],
        [3, 4, 3],
      ],
      expected: [null, 3, 4, 3],
    },
    {
      shapes: [
        [null, null, 3],
        [1, 1, 3],
      ],
      expected: [null, null, null, 3],
    },
    { shapes: [[null, null, 3], [3]], expected: [null, null, null, 3] },
  ])('make $expected of $shapes', ({ shapes, expected }) => {
    for (const join of [layers.add(), layers.multiply()]) expect(join(shapes.map((shape) => input(...shape))).shape).toEqual(expected)
  })

  it.each([
    [
      [4, 4, 3],
      [2, 4, 3],
    ],
    [[4, 3], [4]],
  ])('refuse %j with %j', (...shapes) => {
    const join = (): unknown => layers.add()(shapes.map((shape) => input(...shape)))
    expect(join).toThrow(
      expect.objectContaining({ code: 'SHAPE', message: expect.stringContaining('Cannot join tensors of shapes') as string }) as Error,
    )
  })
})
