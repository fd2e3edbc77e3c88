/** @file Layers that summarize windows or whole pictures. */
import {
  channelsOf,
  paddingOf,
  pair,
  windowedShape,
  windowPads,
  type Padding,
  type PaddingLike,
  type Pair,
  type PairLike,
  type Window,
} from './geometry.ts'
import type { LayerKind } from './kind.ts'
import { Layer, type LayerOptions } from './layer.ts'

export interface PoolingOptions extends LayerOptions {
  /** Window in pixels. Default 2. */
  readonly poolSize?: PairLike
  /** Step in pixels. Default: the window. */
  readonly strides?: PairLike
  /** Default 'valid'. Padding is not counted in a mean. */
  readonly padding?: PaddingLike
}
export interface GlobalPoolingOptions extends LayerOptions {
  /** Keep height and width with size 1. Default false. */
  readonly keepdims?: boolean
}

interface PoolConfig {
  readonly poolSize: Pair
  readonly strides: Pair
  readonly padding: Padding
}
interface GlobalConfig {
  readonly keepdims: boolean
}

const windowOf = (config: PoolConfig): Window => ({ size: config.poolSize, strides: config.strides, padding: config.padding })

function windowKind(className: string, op: 'MaxPool' | 'AveragePool'): LayerKind<PoolConfig> {
  return {
    className,
    outputShape: (config, [shape]) => {
      const channels = channelsOf(shape!)
      return [shape![0] ?? null, ...windowedShape(shape!, windowOf(config)), channels]
    },
    lower({ tape, x, config, shapes, name }) {
      const window = { kernel_shape: config.poolSize, strides: config.strides, pads: windowPads(shapes[0]!, windowOf(config)) }
      return op === 'MaxPool' ? tape.op(op, [x], window, name) : tape.op(op, [x], { ...window, count_include_pad: 0 }, name)
    },
  }
}

function globalKind(className: string, op: 'ReduceMean' | 'ReduceMax'): LayerKind<GlobalConfig> {
  return {
    className,
    outputShape: (config, [shape]) => {
      const channels = channelsOf(shape!)
      return config.keepdims ? [shape![0] ?? null, 1, 1, channels] : [shape![0] ?? null, channels]
    },
    lower: ({ tape, x, config, name }) => tape.op(op, [x, tape.integers([2, 3])], { keepdims: config.keepdims ? 1 : 0 }, name),
  }
}

export const maxPoolingKind = windowKind('MaxPooling2D', 'MaxPool')
export const averagePoolingKind = windowKind('AveragePooling2D', 'AveragePool')
export const globalAverageKind = globalKind('GlobalAveragePooling2D', 'ReduceMean')
export const globalMaxKind = globalKind('GlobalMaxPooling2D', 'ReduceMax')

const poolConfig = (options: PoolingOptions): PoolConfig => {
  const poolSize = pair(options.poolSize ?? 2, 'poolSize')
  return { poolSize, strides: pair(options.strides ?? poolSize, 'strides'), padding: paddingOf(options.padding) }
}

/** The greatest value of each window. */
export function maxPooling2d(options: PoolingOptions = {}): Layer {
  return new Layer(maxPoolingKind as LayerKind, poolConfig(options), options)
}

/** The mean of each window. */
export function averagePooling2d(options: PoolingOptions = {}): Layer {
  return new Layer(averagePoolingKind as LayerKind, poolConfig(options), options)
}

/** The mean over height and width: [batch, channels]. */
export function globalAveragePooling2d(options: GlobalPoolingOptions = {}): Layer {
  return new Layer(globalAverageKind as LayerKind, { keepdims: options.keepdims ?? false }, options)
}

/** The greatest value over height and width: [batch, channels]. */
export function globalMaxPooling2d(options: GlobalPoolingOptions = {}): Layer {
  return new Layer(globalMaxKind as LayerKind, { keepdims: options.keepdims ?? false }, options)
}
