/** @file InceptionV3: blocks of parallel convolutions (Szegedy et al., 2015, arXiv 1512.00567). Its layers keep automatic names. */
import * as layers from '../layers/index.ts'
import type { SymbolicTensor } from '../layers/index.ts'
import { averageTop, type Network } from './network.ts'

type Convolution = readonly [filters: number, height: number, width: number]

interface Branch {
  readonly path: readonly Convolution[]
  /** Parallel convolutions after the path, joined under a name of their own or an automatic one. */
  readonly fork?: { readonly into: readonly Convolution[]; readonly name?: string }
}

interface Block {
  readonly name: string
  readonly branches: readonly Branch[]
  /** Filters of the branch that begins with mean pooling; null for a block that halves height and width. */
  readonly pooled: number | null
}

/** Kernels up to 5×5. */
const small = (name: string, pooled: number): Block => ({
  name,
  pooled,
  branches: [
    { path: [[64, 1, 1]] },
    {
      path: [
        [48, 1, 1],
        [64, 5, 5],
      ],
    },
    {
      path: [
        [64, 1, 1],
        [96, 3, 3],
        [96, 3, 3],
      ],
    },
  ],
})

/** Kernels of 7×7, taken apart into 1×7 and 7×1. */
const factored = (name: string, n: number): Block => ({
  name,
  pooled: 192,
  branches: [
    { path: [[192, 1, 1]] },
    {
      path: [
        [n, 1, 1],
        [n, 1, 7],
        [192, 7, 1],
      ],
    },
    {
      path: [
        [n, 1, 1],
        [n, 7, 1],
        [n, 1, 7],
        [n, 7, 1],
        [192, 1, 7],
      ],
    },
  ],
})

const ends: readonly Convolution[] = [
  [384, 1, 3],
  [384, 3, 1],
]

/** Branches that end in a fork. */
const forked = (name: string, forkName: string): Block => ({
  name,
  pooled: 192,
  branches: [
    { path: [[320, 1, 1]] },
    { path: [[384, 1, 1]], fork: { into: ends, name: forkName } },
    {
      path: [
        [448, 1, 1],
        [384, 3, 3],
      ],
      fork: { into: ends },
    },
  ],
})

const blocks: readonly Block[] = [
  small('mixed0', 32),
  small('mixed1', 64),
  small('mixed2', 64),
  {
    name: 'mixed3',
    pooled: null,
    branches: [
      { path: [[384, 3, 3]] },
      {
        path: [
          [64, 1, 1],
          [96, 3, 3],
          [96, 3, 3],
        ],
      },
    ],
  },
  factored('mixed4', 128),
  factored('mixed5', 160),
  factored('mixed6', 160),
  factored('mixed7', 192),
  {
    name: 'mixed8',
    pooled: null,
    branches: [
      {
        path: [
          [192, 1, 1],
          [320, 3, 3],
        ],
      },
      {
        path: [
          [192, 1, 1],
          [192, 1, 7],
          [192, 7, 1],
          [192, 3, 3],
        ],
      },
    ],
  },
  forked('mixed9', 'mixed9_0'),
  forked('mixed10', 'mixed9_1'),
]

export const inceptionV3: Network = {
  id: 'inceptionV3',
  modelName: () => 'inception_v3',
  defaultSize: 299,
  leastSize: 75,
  preprocessing: 'tf',
  body: (image) => blocks.reduce(block, stem(image)),
  top: averageTop,
}

function stem(image: SymbolicTensor): SymbolicTensor {
  let x = convolved(image, [32, 3, 3], { strides: 2, padding: 'valid' })
  x = convolved(x, [32, 3, 3], { padding: 'valid' })
  x = convolved(x, [64, 3, 3])
  x = layers.maxPooling2d({ poolSize: 3, strides: 2 })(x)
  x = convolved(x, [80, 1, 1], { padding: 'valid' })
  x = convolved(x, [192, 3, 3], { padding: 'valid' })
  return layers.maxPooling2d({ poolSize: 3, strides: 2 })(x)
}

function block(input: SymbolicTensor, { name, branches, pooled }: Block): SymbolicTensor {
  const outputs = branches.map((row) => branch(input, row, pooled === null))
  const last =
    pooled === null
      ? layers.maxPooling2d({ poolSize: 3, strides: 2 })(input)
      : convolved(layers.averagePooling2d({ poolSize: 3, strides: 1, padding: 'same' })(input), [pooled, 1, 1])
  return layers.concatenate({ name })([...outputs, last])
}

/** A branch that halves the picture does so in its last convolution. */
function branch(input: SymbolicTensor, { path, fork }: Branch, halves: boolean): SymbolicTensor {
  const end = path.reduce((x, row, i) => convolved(x, row, halves && i === path.length - 1 ? { strides: 2, padding: 'valid' } : {}), input)
  if (!fork) return end
  const parts = fork.into.map((row) => convolved(end, row))
  return layers.concatenate(fork.name === undefined ? {} : { name: fork.name })(parts)
}

function convolved(
  x: SymbolicTensor,
  [filters, height, width]: Convolution,
  options: Pick<layers.Conv2DOptions, 'strides' | 'padding'> = {},
): SymbolicTensor {
  const y = layers.conv2d({ filters, kernelSize: [height, width], padding: 'same', useBias: false, ...options })(x)
  return layers.activation({ activation: 'relu' })(layers.batchNormalization({ scale: false })(y))
}
