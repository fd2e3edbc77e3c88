/** @file VGG16 and VGG19: 3×3 convolutions in five blocks (Simonyan and Zisserman, 2014, arXiv 1409.1556). */
import * as layers from '../layers/index.ts'
import type { SymbolicTensor } from '../layers/index.ts'
import { predictions, type Drawing, type Network } from './network.ts'

type Block = readonly [convolutions: number, filters: number]

const blocks16: readonly Block[] = [
  [2, 64],
  [2, 128],
  [3, 256],
  [3, 512],
  [3, 512],
]
const blocks19: readonly Block[] = [
  [2, 64],
  [2, 128],
  [4, 256],
  [4, 512],
  [4, 512],
]

export const vgg16 = vgg('vgg16', blocks16)
export const vgg19 = vgg('vgg19', blocks19)

function vgg(id: 'vgg16' | 'vgg19', blocks: readonly Block[]): Network {
  return {
    id,
    modelName: () => id,
    defaultSize: 224,
    leastSize: 32,
    preprocessing: 'caffe',
    body: (image) => blocks.reduce((x, row, i) => block(x, row, `block${i + 1}`), image),
    top,
  }
}

function block(input: SymbolicTensor, [convolutions, filters]: Block, name: string): SymbolicTensor {
  let x = input
  for (let i = 1; i <= convolutions; i++) {
    x = layers.conv2d({ filters, kernelSize: 3, activation: 'relu', padding: 'same', name: `${name}_conv${i}` })(x)
  }
  return layers.maxPooling2d({ poolSize: 2, name: `${name}_pool` })(x)
}

function top(features: SymbolicTensor, drawing: Drawing): SymbolicTensor {
  let x = layers.flatten({ name: 'flatten' })(features)
  x = layers.dense({ units: 4096, activation: 'relu', name: 'fc1' })(x)
  x = layers.dense({ units: 4096, activation: 'relu', name: 'fc2' })(x)
  return predictions(x, drawing)
}
