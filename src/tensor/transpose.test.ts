/** @file Every order of the axes against the definition, number by number. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sizeOf, stridesOf, transpose, type Shape, type Tensor } from './index.ts'

/** The number at a place of the result is the one at the same place, axis by axis, of the input. */
function byDefinition({ data, shape }: Tensor<'float32'>, order: readonly number[]): Tensor<'float32'> {
  const turned = order.map((axis) => shape[axis]!)
  const [from, to] = [stridesOf(shape), stridesOf(turned)]
  const numbers = Float32Array.from({ length: sizeOf(turned) }, (_, place) => {
    const indices = to.map((stride, i) => Math.floor(place / stride) % turned[i]!)
    return data[indices.reduce((sum, index, i) => sum + index * from[order[i]!]!, 0)]!
  })
  return { data: numbers, shape: turned, dtype: 'float32' }
}

const counted = (shape: Shape): Tensor<'float32'> => ({
  data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => i),
  shape,
  dtype: 'float32',
})

describe('transpose', () => {
  it.each([
    { shape: [3, 3, 5, 7], order: [3, 2, 0, 1], what: 'a kernel of Keras' },
    { shape: [70, 33, 3, 3], order: [2, 3, 1, 0], what: 'one of ONNX, more than a square each way' },
    { shape: [40, 65, 1, 1], order: [2, 3, 1, 0], what: 'a pointwise one' },
    { shape: [1, 1, 1], order: [2, 0, 1], what: 'one number' },
    { shape: [], order: [], what: 'a scalar' },
    { shape: [4, 0, 3], order: [2, 1, 0], what: 'nothing' },
    { shape: [2, 3, 4], order: [0, 1, 2], what: 'no change' },
  ])('$what: $shape as $order', ({ shape, order }) => {
    expect(transpose(counted(shape), order)).toEqual(byDefinition(counted(shape), order))
  })

  it('any shape in any order', () => {
    const axes = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 5 })
    const cases = axes.chain((shape) => fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })))
    fc.assert(
      fc.property(cases, ([shape, order]) => {
        expect(transpose(counted(shape), order)).toEqual(byDefinition(counted(shape), order))
      }),
    )
  })

  it('leaves the input alone and shares no memory with it', () => {
    const value = counted([2, 3])
    transpose(value, [0, 1]).data[0] = 9
    expect(value).toEqual(counted([2, 3]))
  })
})
