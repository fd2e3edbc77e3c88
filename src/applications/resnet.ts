/** @file ResNet50: residual bottlenecks (He et al., 2015, arXiv 1512.03385), in Keras's form with the stride on the first convolution. */
import * as layers from '../layers/index.ts'
import type { SymbolicTensor } from '../layers/index.ts'
import { averageTop, type Network } from './network.ts'

/** Filters of the bottleneck, blocks, and stride of the first block; the names begin with conv2. */
const stages: readonly (readonly [filters: number, blocks: number, stride: 1 | 2])[] = [
  [64, 3, 1],
  [128, 4, 2],
  [256, 6, 2],
  [512, 3, 2],
]

export const resnet50: Network = {
  id: 'resnet50',
  modelName: () => 'resnet50',
  defaultSize: 224,
  leastSize: 32,
  preprocessing: 'caffe',
  poolingNames: { avg: 'avg_pool', max: 'max_pool' },
  body(image) {
    let x = layers.zeroPadding2d({ padding: 3, name: 'conv1_pad' })(image)
    x = layers.conv2d({ filters: 64, kernelSize: 7, strides: 2, name: 'conv1_conv' })(x)
    x = relu(normalized(x, 'conv1_bn'), 'conv1_relu')
    x = layers.zeroPadding2d({ padding: 1, name: 'pool1_pad' })(x)
    x = layers.maxPooling2d({ poolSize: 3, strides: 2, name: 'pool1_pool' })(x)
    stages.forEach(([filters, blocks, stride], stage) => {
      for (let i = 1; i <= blocks; i++) {
        x = bottleneck(x, { filters, stride: i === 1 ? stride : 1, projects: i === 1, name: `conv${stage + 2}_block${i}` })
      }
    })
    return x
  },
  top: averageTop,
}

interface Bottleneck {
  readonly filters: number
  readonly stride: 1 | 2
  /** Whether the shortcut is a convolution, because the shape changes. */
  readonly projects: boolean
  readonly name: string
}

function bottleneck(input: SymbolicTensor, { filters, stride, projects, name }: Bottleneck): SymbolicTensor {
  const convolved = (x: SymbolicTensor, part: number, options: layers.Conv2DOptions): SymbolicTensor =>
    normalized(layers.conv2d({ ...options, name: `${name}_${part}_conv` })(x), `${name}_${part}_bn`)
  const shortcut = projects ? convolved(input, 0, { filters: 4 * filters, kernelSize: 1, strides: stride }) : input
  let x = relu(convolved(input, 1, { filters, kernelSize: 1, strides: stride }), `${name}_1_relu`)
  x = relu(convolved(x, 2, { filters, kernelSize: 3, padding: 'same' }), `${name}_2_relu`)
  x = convolved(x, 3, { filters: 4 * filters, kernelSize: 1 })
  return relu(layers.add({ name: `${name}_add` })([shortcut, x]), `${name}_out`)
}

function normalized(x: SymbolicTensor, name: string): SymbolicTensor {
  return layers.batchNormalization({ epsilon: 1.001e-5, name })(x)
}

function relu(x: SymbolicTensor, name: string): SymbolicTensor {
  return layers.activation({ activation: 'relu', name })(x)
}
