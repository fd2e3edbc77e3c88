/** @file Xception: residual blocks of separable convolutions (Chollet, 2016, arXiv 1610.02357). The shortcuts keep automatic names. */
import * as layers from '../layers/index.ts'
import type { SymbolicTensor } from '../layers/index.ts'
import { averageTop, type Network } from './network.ts'

interface Block {
  /** Filters of its separable convolutions. */
  readonly filters: readonly number[]
  /** Whether it halves height and width, so that its shortcut is a convolution. */
  readonly halves: boolean
}

/** The names begin with block2. */
const blocks: readonly Block[] = [
  { filters: [128, 128], halves: true },
  { filters: [256, 256], halves: true },
  { filters: [728, 728], halves: true },
  ...Array.from({ length: 8 }, (): Block => ({ filters: [728, 728, 728], halves: false })),
  { filters: [728, 1024], halves: true },
]

export const xception: Network = {
  id: 'xception',
  modelName: () => 'xception',
  defaultSize: 299,
  leastSize: 71,
  preprocessing: 'tf',
  body(image) {
    let x = convolved(image, 'block1_conv1', { filters: 32, kernelSize: 3, strides: 2 })
    x = convolved(x, 'block1_conv2', { filters: 64, kernelSize: 3 })
    x = blocks.reduce((input, row, i) => block(input, row, i + 2), x)
    x = relu(separated(x, 1536, 'block14_sepconv1'), 'block14_sepconv1')
    return relu(separated(x, 2048, 'block14_sepconv2'), 'block14_sepconv2')
  },
  top: averageTop,
}

function block(input: SymbolicTensor, { filters, halves }: Block, id: number): SymbolicTensor {
  const shortcut = halves ? projected(input, filters.at(-1) ?? 0) : input
  let x = input
  filters.forEach((width, i) => {
    const name = `block${id}_sepconv${i + 1}`
    // What comes into block 2 is activated already.
    if (id > 2 || i > 0) x = relu(x, name)
    x = separated(x, width, name)
  })
  if (halves) x = layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same', name: `block${id}_pool` })(x)
  return layers.add()([x, shortcut])
}

function projected(x: SymbolicTensor, filters: number): SymbolicTensor {
  return layers.batchNormalization()(layers.conv2d({ filters, kernelSize: 1, strides: 2, padding: 'same', useBias: false })(x))
}

function convolved(x: SymbolicTensor, name: string, options: layers.Conv2DOptions): SymbolicTensor {
  const y = layers.conv2d({ ...options, useBias: false, name })(x)
  return relu(layers.batchNormalization({ name: `${name}_bn` })(y), name)
}

function separated(x: SymbolicTensor, filters: number, name: string): SymbolicTensor {
  const y = layers.separableConv2d({ filters, kernelSize: 3, padding: 'same', useBias: false, name })(x)
  return layers.batchNormalization({ name: `${name}_bn` })(y)
}

function relu(x: SymbolicTensor, name: string): SymbolicTensor {
  return layers.activation({ activation: 'relu', name: `${name}_act` })(x)
}
