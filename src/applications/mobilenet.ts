/** @file MobileNet: depthwise and pointwise convolutions in thirteen blocks (Howard et al., 2017, arXiv 1704.04861). */
import { RootstockError } from '../errors.ts'
import * as layers from '../layers/index.ts'
import type { SymbolicTensor } from '../layers/index.ts'
import type { Network } from './network.ts'

/** The arguments that only MobileNet has. */
export interface MobileNetArguments {
  /** Width multiplier, 1/32 to 4. ImageNet weights exist for 0.25, 0.5, 0.75 and 1. Default 1. */
  readonly alpha?: number
  /** Outputs per depthwise channel. ImageNet weights exist for 1. Default 1. */
  readonly depthMultiplier?: number
  /** Fraction of features dropped before the classifier while training. Default 0.001. */
  readonly dropout?: number
}

/** Filters before the width multiplier, and stride of each block. */
const blocks: readonly (readonly [filters: number, stride: 1 | 2])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
]

const releasedWidths: readonly number[] = [0.25, 0.5, 0.75, 1]

/** MobileNet of a chosen width. Throws USAGE for arguments outside their ranges. */
export function mobilenet(choice: MobileNetArguments = {}): Network {
  const { alpha = 1, depthMultiplier = 1, dropout = 1e-3 } = choice
  checkArguments(alpha, depthMultiplier)
  return {
    id: 'mobilenet',
    modelName: (rows) => `mobilenet_${alpha.toFixed(2)}_${rows ?? 'None'}`,
    defaultSize: 224,
    otherSizes: [128, 160, 192],
    leastSize: 32,
    preprocessing: 'tf',
    releasedWidth: alpha,
    checkReleased: () => checkReleased(alpha, depthMultiplier),
    body: (image) => body(image, alpha, depthMultiplier),
    top(features, { classes, classifierActivation }) {
      let x = layers.globalAveragePooling2d({ keepdims: true })(features)
      x = layers.dropout({ rate: dropout, name: 'dropout' })(x)
      x = layers.conv2d({ filters: classes, kernelSize: 1, padding: 'same', name: 'conv_preds' })(x)
      x = layers.reshape({ targetShape: [classes], name: 'reshape_2' })(x)
      return layers.activation({ activation: classifierActivation ?? 'linear', name: 'predictions' })(x)
    },
  }
}

function body(image: SymbolicTensor, alpha: number, depthMultiplier: number): SymbolicTensor {
  const filters = Math.trunc(32 * alpha)
  const x = layers.conv2d({ filters, kernelSize: 3, strides: 2, padding: 'same', useBias: false, name: 'conv1' })(image)
  return blocks.reduce(
    (input, [width, stride], i) => block(input, { filters: Math.trunc(width * alpha), stride, depthMultiplier, id: i + 1 }),
    normalized(x, 'conv1'),
  )
}

interface Block {
  readonly filters: number
  readonly stride: 1 | 2
  readonly depthMultiplier: number
  readonly id: number
}

/** Padding of strided blocks stands at the end only, as TensorFlow's 'same' would put it for even sizes. */
function block(input: SymbolicTensor, { filters, stride, depthMultiplier, id }: Block): SymbolicTensor {
  let x =
    stride === 1
      ? input
      : layers.zeroPadding2d({
          padding: [
            [0, 1],
            [0, 1],
          ],
          name: `conv_pad_${id}`,
        })(input)
  const padding = stride === 1 ? 'same' : 'valid'
  x = layers.depthwiseConv2d({ kernelSize: 3, padding, strides: stride, depthMultiplier, useBias: false, name: `conv_dw_${id}` })(x)
  x = normalized(x, `conv_dw_${id}`)
  x = layers.conv2d({ filters, kernelSize: 1, padding: 'same', useBias: false, name: `conv_pw_${id}` })(x)
  return normalized(x, `conv_pw_${id}`)
}

function normalized(x: SymbolicTensor, name: string): SymbolicTensor {
  return layers.reLU({ maxValue: 6, name: `${name}_relu` })(layers.batchNormalization({ name: `${name}_bn` })(x))
}

function checkArguments(alpha: number, depthMultiplier: number): void {
  if (!(Math.trunc(32 * alpha) >= 1 && alpha <= 4)) {
    throw new RootstockError('USAGE', `Invalid alpha of mobilenet: found ${alpha}, expected a number from 0.03125 to 4`, {
      hint: `ImageNet weights exist for ${releasedWidths.join(', ')}`,
    })
  }
  if (!Number.isInteger(depthMultiplier) || depthMultiplier < 1) {
    throw new RootstockError(
      'USAGE',
      `Invalid depthMultiplier of mobilenet: found ${depthMultiplier}, expected a whole number of at least 1`,
    )
  }
}

function checkReleased(alpha: number, depthMultiplier: number): void {
  const hint = 'Take random weights (null; on the command line none), or a weight file of your own'
  if (depthMultiplier !== 1) {
    const found = `found depthMultiplier ${depthMultiplier}, expected 1`
    throw new RootstockError('USAGE', `Cannot load ImageNet weights into mobilenet: ${found}`, { hint })
  }
  if (!releasedWidths.includes(alpha)) {
    const found = `found alpha ${alpha}, expected one of ${releasedWidths.join(', ')}`
    throw new RootstockError('USAGE', `Cannot load ImageNet weights into mobilenet: ${found}`, { hint })
  }
}
