/** @file Layers that slide kernels over a picture. */
import { RootstockError } from '../errors.ts'
import type { Value } from '../graph/index.ts'
import { activate, activationName, type ActivationName } from './activations.ts'
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
import type { KerasShape, LayerKind, Lowering } from './kind.ts'
import { Layer, type LayerOptions } from './layer.ts'
import type { VariableSpec } from './variable.ts'

interface KernelOptions extends LayerOptions {
  /** Height and width of the kernel, in pixels. */
  readonly kernelSize: PairLike
  /** Step in pixels. Default 1. */
  readonly strides?: PairLike
  /** 'valid': no padding; 'same': output of ceil(size / stride), the odd pixel of padding at the end. Default 'valid'. */
  readonly padding?: PaddingLike
  /** Default 'linear'. */
  readonly activation?: string | null
  /** Default true. */
  readonly useBias?: boolean
  /** Default 'zeros'. */
  readonly biasInitializer?: string
}
/** What `conv2d` takes. */
export interface Conv2DOptions extends KernelOptions {
  /** Output channels. */
  readonly filters: number
  /** Spread of the kernel. Default 1. */
  readonly dilationRate?: PairLike
  /** Default 'glorotUniform'. */
  readonly kernelInitializer?: string
}
/** What `depthwiseConv2d` takes. */
export interface DepthwiseConv2DOptions extends KernelOptions {
  /** Outputs per input channel. Default 1. */
  readonly depthMultiplier?: number
  /** Distance between the points of the kernel. Default 1. */
  readonly dilationRate?: PairLike
  /** Default 'glorotUniform'. */
  readonly depthwiseInitializer?: string
}
/** What `separableConv2d` takes. */
export interface SeparableConv2DOptions extends KernelOptions {
  /** Channels of the output. */
  readonly filters: number
  /** Channels made of each input channel. Default 1. */
  readonly depthMultiplier?: number
  /** Default 'glorotUniform'. */
  readonly depthwiseInitializer?: string
  /** Default 'glorotUniform'. */
  readonly pointwiseInitializer?: string
}

interface KernelConfig {
  readonly kernelSize: Pair
  readonly strides: Pair
  readonly padding: Padding
  readonly dilationRate: Pair
  readonly activation: ActivationName
  readonly useBias: boolean
  readonly biasInitializer: string
}
interface ConvConfig extends KernelConfig {
  readonly filters: number
  readonly kernelInitializer: string
}
interface DepthwiseConfig extends KernelConfig {
  readonly depthMultiplier: number
  readonly depthwiseInitializer: string
}
interface SeparableConfig extends DepthwiseConfig {
  readonly filters: number
  readonly pointwiseInitializer: string
}

export const convKind: LayerKind<ConvConfig> = {
  className: 'Conv2D',
  weights(config, [shape]) {
    const kernel = [...config.kernelSize, channelsOf(shape!), config.filters]
    return withBias(config, config.filters, [{ name: 'kernel', shape: kernel, layout: 'conv', initializer: config.kernelInitializer }])
  },
  outputShape: (config, [shape]) => [shape![0] ?? null, ...windowedShape(checked(shape!), windowOf(config)), config.filters],
  lower: (context) => activate(context.tape, convolve(context, { kernel: 'kernel', group: 1 }), context.config.activation),
}

export const depthwiseKind: LayerKind<DepthwiseConfig> = {
  className: 'DepthwiseConv2D',
  weights(config, [shape]) {
    const channels = channelsOf(shape!)
    const kernel = [...config.kernelSize, channels, config.depthMultiplier]
    return withBias(config, channels * config.depthMultiplier, [
      { name: 'kernel', shape: kernel, layout: 'depthwise', initializer: config.depthwiseInitializer },
    ])
  },
  outputShape: (config, [shape]) => [
    shape![0] ?? null,
    ...windowedShape(checked(shape!), windowOf(config)),
    channelsOf(shape!) * config.depthMultiplier,
  ],
  lower(context) {
    const group = channelsOf(context.shapes[0]!)
    return activate(context.tape, convolve(context, { kernel: 'kernel', group }), context.config.activation)
  },
}

export const separableKind: LayerKind<SeparableConfig> = {
  className: 'SeparableConv2D',
  weights(config, [shape]) {
    const channels = channelsOf(shape!)
    const { depthMultiplier, filters } = config
    return withBias(config, filters, [
      {
        name: 'depthwise_kernel',
        shape: [...config.kernelSize, channels, depthMultiplier],
        layout: 'depthwise',
        initializer: config.depthwiseInitializer,
      },
      {
        name: 'pointwise_kernel',
        shape: [1, 1, channels * depthMultiplier, filters],
        layout: 'conv',
        initializer: config.pointwiseInitializer,
      },
    ])
  },
  outputShape: (config, [shape]) => [shape![0] ?? null, ...windowedShape(checked(shape!), windowOf(config)), config.filters],
  lower(context) {
    const { tape, config } = context
    const depthwise = convolve(
      { ...context, config: { ...config, useBias: false } },
      { kernel: 'depthwise_kernel', group: channelsOf(context.shapes[0]!) },
    )
    const pointwise = context.weight('pointwise_kernel')
    const bias = config.useBias ? context.weight('bias') : null
    const plain = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 }
    return activate(tape, tape.op('Conv', [depthwise, pointwise, bias], plain, `${context.name}/pointwise`), config.activation)
  },
}

/** 2-D convolution; input [batch, height, width, channels]. */
export function conv2d(options: Conv2DOptions): Layer {
  const config: ConvConfig = {
    ...kernelConfig(options),
    filters: count(options.filters, 'filters'),
    dilationRate: pair(options.dilationRate ?? 1, 'dilationRate'),
    kernelInitializer: options.kernelInitializer ?? 'glorotUniform',
  }
  const { strides, dilationRate } = config
  if (Math.max(...strides) > 1 && Math.max(...dilationRate) > 1) {
    throw new RootstockError('USAGE', `Invalid conv2d: found strides [${strides.join()}] with dilationRate [${dilationRate.join()}]`, {
      hint: 'As in Keras, one of them must be 1',
    })
  }
  return new Layer(convKind as LayerKind, config, options)
}

/** 2-D convolution of every channel on its own. */
export function depthwiseConv2d(options: DepthwiseConv2DOptions): Layer {
  const config: DepthwiseConfig = {
    ...kernelConfig(options),
    depthMultiplier: count(options.depthMultiplier ?? 1, 'depthMultiplier'),
    dilationRate: pair(options.dilationRate ?? 1, 'dilationRate'),
    depthwiseInitializer: options.depthwiseInitializer ?? 'glorotUniform',
  }
  return new Layer(depthwiseKind as LayerKind, config, options)
}

/** A depthwise convolution, then a 1×1 convolution. */
export function separableConv2d(options: SeparableConv2DOptions): Layer {
  const config: SeparableConfig = {
    ...kernelConfig(options),
    filters: count(options.filters, 'filters'),
    depthMultiplier: count(options.depthMultiplier ?? 1, 'depthMultiplier'),
    depthwiseInitializer: options.depthwiseInitializer ?? 'glorotUniform',
    pointwiseInitializer: options.pointwiseInitializer ?? 'glorotUniform',
  }
  return new Layer(separableKind as LayerKind, config, options)
}

function kernelConfig(options: KernelOptions): KernelConfig {
  return {
    kernelSize: pair(options.kernelSize, 'kernelSize'),
    strides: pair(options.strides ?? 1, 'strides'),
    padding: paddingOf(options.padding),
    dilationRate: [1, 1],
    activation: activationName(options.activation),
    useBias: options.useBias ?? true,
    biasInitializer: options.biasInitializer ?? 'zeros',
  }
}

export function count(value: number, what: string): number {
  if (Number.isInteger(value) && value >= 1) return value
  throw new RootstockError('USAGE', `Invalid ${what}: found ${String(value)}, expected a whole number of at least 1`)
}

function withBias(config: KernelConfig, channels: number, specs: readonly VariableSpec[]): readonly VariableSpec[] {
  return config.useBias ? [...specs, { name: 'bias', shape: [channels], initializer: config.biasInitializer }] : specs
}

function windowOf(config: KernelConfig): Window {
  return { size: config.kernelSize, strides: config.strides, padding: config.padding, dilation: config.dilationRate }
}

function checked(shape: KerasShape): KerasShape {
  channelsOf(shape)
  return shape
}

function convolve(context: Lowering<KernelConfig>, how: { kernel: string; group: number }): Value {
  const { tape, x, config, shapes, name } = context
  const weight = context.weight(how.kernel)
  const bias = config.useBias ? context.weight('bias') : null
  const attributes = { dilations: config.dilationRate, group: how.group }
  const seen = pixelsSeen(context)
  if (seen !== x) return tape.op('Conv', [seen, weight, bias], { ...attributes, strides: [1, 1], pads: noPads }, name)
  const pads = windowPads(shapes[0]!, windowOf(config))
  return tape.op('Conv', [x, weight, bias], { ...attributes, strides: config.strides, pads }, name)
}

const noPads = [0, 0, 0, 0]

/**
 * A kernel of one pixel that takes steps passes over pixels. Taking the others out is a node of its own: what trains begins behind it where
 * all before is frozen, so that pixels nobody reads are neither kept as features nor computed (`dropUnreadPixels`).
 */
function pixelsSeen({ tape, x, config: { kernelSize, strides }, name }: Lowering<KernelConfig>): Value {
  const skips = kernelSize.every((size) => size === 1) && strides.some((step) => step > 1)
  return skips ? tape.op('MaxPool', [x], { kernel_shape: [1, 1], strides, pads: noPads }, `${name}/pixels`) : x
}
