/** @file What layers make of shapes and settings, held to what Keras 3.15.1 makes of them. */
import { describe, expect, it } from 'vitest'
import * as layers from './index.ts'
import type { SymbolicTensor } from './index.ts'
import { Functional } from '../models/index.ts'

const input = (...shape: (number | null)[]): SymbolicTensor => layers.input({ shape })

it('weights that fit into no memory are refused', () => {
  const inputs = input(256)
  const { weights } = new Functional({ inputs, outputs: layers.dense({ units: 1e9, name: 'wide' })(inputs) })
  expect(() => weights[0]?.value()).toThrow(/^Cannot make wide\/kernel: found shape \[256,1000000000\]/)
})

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

describe('settings that Keras refuses', () => {
  const { conv2d, dense, maxPooling2d, averagePooling2d, reLU, rescaling, reshape } = layers
  it.each<[string, () => unknown, string]>([
    ['a padding of a pool', () => maxPooling2d({ padding: 'foo' as 'same' }), 'Invalid padding: found "foo"'],
    ['a padding of a mean pool', () => averagePooling2d({ padding: 'causal' as 'same' }), 'Invalid padding: found "causal"'],
    ['a padding of a convolution', () => conv2d({ filters: 2, kernelSize: 3, padding: 'full' as 'same' }), 'Invalid padding: found "full"'],
    ['steps with spread', () => conv2d({ filters: 2, kernelSize: 3, strides: [2, 1], dilationRate: [1, 2] }), 'found strides [2,1] with'],
    ['two sizes to be found', () => reshape({ targetShape: [-1, -1] }), 'Invalid targetShape: found [-1,-1]'],
    ['a negative size', () => reshape({ targetShape: [-2, 3] }), 'Invalid targetShape: found [-2,3]'],
    ['a factor that is none', () => rescaling({ scale: [1, NaN] }), 'Invalid factor of rescaling: found [1,null]'],
    ['a negative bound', () => reLU({ maxValue: -1 }), 'Invalid maxValue of reLU: found -1'],
    ['a slash in a name', () => dense({ units: 2, name: 'a/b' }), 'Invalid name of a layer: found "a/b"'],
    ['a slash in the name of an input', () => layers.input({ shape: [2], name: 'a/b' }), 'Invalid name of a layer: found "a/b"'],
  ])('%s', (_what, make, message) => {
    expect(make).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) as string }) as Error)
  })
})

it('a padding may be written in capitals', () => {
  const photo = input(7, 7, 3)
  expect(layers.conv2d({ filters: 2, kernelSize: 3, padding: 'SAME' })(photo).shape).toEqual([null, 7, 7, 2])
  expect(layers.maxPooling2d({ padding: 'SAME' })(photo).shape).toEqual([null, 4, 4, 3])
  expect(layers.averagePooling2d({ padding: 'VALID' })(photo).shape).toEqual([null, 3, 3, 3])
})

describe('a layer that is called again', () => {
  const photo = { kernelSize: 3 } as const
  it.each([
    {
      layer: layers.dense({ units: 2, name: 'd' }),
      shapes: [[3], [4]],
      kernel: 'kernel has shape [3,2] since the first call, expected [4,2]',
    },
    {
      layer: layers.conv2d({ ...photo, filters: 2 }),
      shapes: [
        [8, 8, 3],
        [8, 8, 4],
      ],
      kernel: 'kernel has shape [3,3,3,2]',
    },
    {
      layer: layers.depthwiseConv2d(photo),
      shapes: [
        [8, 8, 3],
        [8, 8, 4],
      ],
      kernel: 'kernel has shape [3,3,3,1]',
    },
    {
      layer: layers.separableConv2d({ ...photo, filters: 2 }),
      shapes: [
        [8, 8, 3],
        [8, 8, 4],
      ],
      kernel: 'depthwise_kernel has shape',
    },
    {
      layer: layers.batchNormalization(),
      shapes: [
        [8, 8, 3],
        [8, 8, 4],
      ],
      kernel: 'gamma has shape [3]',
    },
  ])('$layer.className refuses other channels', ({ layer, shapes, kernel }) => {
    layer(input(...shapes[0]!))
    const again = (): unknown => layer(input(...shapes[1]!))
    expect(again).toThrow(expect.objectContaining({ code: 'SHAPE', message: expect.stringContaining(kernel) as string }) as Error)
  })

  it('takes other axes', () => {
    const layer = layers.dense({ units: 2 })
    expect([layer(input(3)).shape, layer(input(4, 3)).shape, layer(input(null, 3)).shape]).toEqual([
      [null, 2],
      [null, 4, 2],
      [null, null, 2],
    ])
  })

  it('may join tensors of another width', () => {
    const layer = layers.add()
    expect([layer([input(3), input(3)]).shape, layer([input(4), input(4)]).shape]).toEqual([
      [null, 3],
      [null, 4],
    ])
  })

  it('says so where it is a model', () => {
    const x = input(3)
    const inner = new Functional({ inputs: x, outputs: layers.dense({ units: 2 })(x), name: 'inner' })
    expect(() => inner(input(4))).toThrow('Cannot call the model "inner" on [null,4], expected [null,3]')
    expect(() => inner([input(3), input(3)])).toThrow('Cannot call the model "inner" on [null,3] and [null,3], expected [null,3]')
  })
})

it('a model with several outputs is not called as a layer: a call returns one tensor', () => {
  const x = input(3)
  const outputs = [layers.dense({ units: 2 })(x), layers.dense({ units: 4 })(x)] as const
  const two = new Functional({ inputs: x, outputs, name: 'two' })
  expect(() => two(input(3))).toThrow('Cannot call the model "two": it has 2 outputs, expected one')
})
