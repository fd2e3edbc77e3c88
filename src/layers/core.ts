/** @file Input, dense, activation and dropout layers. */
import { RootstockError, refuseUnknown } from '../errors.ts'
import type { Dim } from '../tensor/index.ts'
import { activate, activationName, type ActivationName } from './activations.ts'
import { count } from './convolutional.ts'
import type { LayerKind } from './kind.ts'
import { Layer, type LayerOptions } from './layer.ts'
import { fromKerasLayout, toKerasLayout } from './layout.ts'
import type { SymbolicTensor } from './symbolic.ts'

export interface InputOptions extends LayerOptions {
  /** Without the batch; null where any size is taken. */
  readonly shape: readonly Dim[]
}
export interface DenseOptions extends LayerOptions {
  /** Outputs. */
  readonly units: number
  /** Default 'linear'. */
  readonly activation?: string | null
  /** Default true. */
  readonly useBias?: boolean
  /** Default 'glorotUniform'. */
  readonly kernelInitializer?: string
  /** Default 'zeros'. */
  readonly biasInitializer?: string
}
export interface ActivationOptions extends LayerOptions {
  /** Its name: 'relu', 'softmax' and so on. */
  readonly activation: string
}
export interface ReLUOptions extends LayerOptions {
  /** Greatest output; null for no bound. Default null. */
  readonly maxValue?: number | null
}
export interface DropoutOptions extends LayerOptions {
  /** Fraction of values set to zero while training, 0 … 1. */
  readonly rate: number
}

interface InputConfig {
  readonly batchShape: readonly Dim[]
}
interface DenseConfig {
  readonly units: number
  readonly activation: ActivationName
  readonly useBias: boolean
  readonly kernelInitializer: string
  readonly biasInitializer: string
}

export const inputKind: LayerKind<InputConfig> = {
  className: 'InputLayer',
  inputs: [0, 0],
  outputShape: (config) => config.batchShape,
  lower: ({ x }) => x,
}

export const denseKind: LayerKind<DenseConfig> = {
  className: 'Dense',
  weights(config, [shape]) {
    const width = shape?.at(-1)
    if (width == null) throw new Error('the size of the last axis must be known')
    const kernel = { name: 'kernel', shape: [width, config.units], initializer: config.kernelInitializer }
    return config.useBias ? [kernel, { name: 'bias', shape: [config.units], initializer: config.biasInitializer }] : [kernel]
  },
  outputShape: (config, [shape]) => [...shape!.slice(0, -1), config.units],
  lower(context) {
    const { tape, config, name } = context
    const x = toKerasLayout(tape, context.x)
    const kernel = context.weight('kernel')
    const bias = config.useBias ? context.weight('bias') : null
    if (x.shape.length === 2) {
      const y = tape.op('Gemm', [x, kernel, bias], { alpha: 1, beta: 1, transA: 0, transB: 0 }, name)
      return activate(tape, y, config.activation)
    }
    const product = tape.op('MatMul', [x, kernel], {}, name)
    const y = bias ? tape.op('Add', [product, bias], {}) : product
    return activate(tape, fromKerasLayout(tape, y), config.activation)
  },
}

export const activationKind: LayerKind<{ readonly activation: ActivationName }> = {
  className: 'Activation',
  outputShape: (_config, [shape]) => shape!,
  lower: ({ tape, x, config }) => activate(tape, x, config.activation),
}

export const reluKind: LayerKind<{ readonly maxValue: number | null }> = {
  className: 'ReLU',
  outputShape: (_config, [shape]) => shape!,
  lower({ tape, x, config: { maxValue }, name }) {
    if (maxValue === null) return tape.op('Relu', [x], {}, name)
    if (maxValue === 6) return tape.op('Clip', [x, tape.number(0), tape.number(6)], {}, name)
    // TensorFlow has an operator for a bound of 6, which passes no gradient at the bound itself. At any other bound Keras's gradient passes, as that of Min does.
    return tape.op('Min', [tape.op('Relu', [x], {}), tape.number(maxValue)], {}, name)
  },
}

export const softmaxKind: LayerKind<Record<never, never>> = {
  className: 'Softmax',
  outputShape: (_config, [shape]) => shape!,
  lower: ({ tape, x }) => activate(tape, x, 'softmax'),
}

export const dropoutKind: LayerKind<{ readonly rate: number }> = {
  className: 'Dropout',
  outputShape: (_config, [shape]) => shape!,
  lower({ tape, x, config, shapes, training, randomMask, name }) {
    return training && config.rate > 0 ? tape.op('Mul', [x, randomMask(shapes[0]!, config.rate)], {}, name) : x
  },
}

/** The tensor that a model begins with; the batch axis is added in front. */
export function input(options: InputOptions): SymbolicTensor {
  refuseUnknown('input', options, { shape: true, name: true, trainable: true })
  const { shape, ...own } = options
  const layer = new Layer(inputKind as LayerKind, { batchShape: [null, ...shape] }, own)
  return layer.on([])
}

/** y = activation(x·kernel + bias) on the last axis. */
export function dense(options: DenseOptions): Layer {
  const config: DenseConfig = {
    units: count(options.units, 'units'),
    activation: activationName(options.activation),
    useBias: options.useBias ?? true,
    kernelInitializer: options.kernelInitializer ?? 'glorotUniform',
    biasInitializer: options.biasInitializer ?? 'zeros',
  }
  return new Layer(denseKind as LayerKind, config, options)
}

/** An activation as a layer of its own. */
export function activation(options: ActivationOptions): Layer {
  return new Layer(activationKind as LayerKind, { activation: activationName(options.activation) }, options)
}

/** max(x, 0), or min(max(x, 0), maxValue). */
export function reLU(options: ReLUOptions = {}): Layer {
  const maxValue = options.maxValue ?? null
  if (maxValue !== null && !(maxValue >= 0))
    throw new RootstockError('USAGE', `Invalid maxValue of reLU: found ${String(maxValue)}, expected a number of at least 0, or null`)
  return new Layer(reluKind as LayerKind, { maxValue }, options)
}

/** Softmax over the last axis. */
export function softmax(options: LayerOptions = {}): Layer {
  return new Layer(softmaxKind, {}, options)
}

/** While training, sets a random fraction of the values to zero and scales the others up; otherwise nothing. */
export function dropout(options: DropoutOptions): Layer {
  if (!(options.rate >= 0 && options.rate <= 1)) {
    throw new RootstockError('USAGE', `Invalid dropout rate: found ${String(options.rate)}, expected a number from 0 to 1`)
  }
  return new Layer(dropoutKind as LayerKind, { rate: options.rate }, options)
}
