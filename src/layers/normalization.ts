/** @file Batch normalization, and the fixed scaling of inputs. */
import { RootstockError } from '../errors.ts'
import type { Tape, Value } from '../graph/index.ts'
import type { LayerKind } from './kind.ts'
import { Layer, type LayerOptions } from './layer.ts'
import type { VariableSpec } from './variable.ts'

export interface BatchNormalizationOptions extends LayerOptions {
  /** The channel axis; only the last is supported. Default −1. */
  readonly axis?: number
  /** Weight of the old moving statistics at each step. Default 0.99. */
  readonly momentum?: number
  /** Added to the variance. Default 0.001. */
  readonly epsilon?: number
  /** Learn an offset (beta). Default true. */
  readonly center?: boolean
  /** Learn a factor (gamma). Default true. */
  readonly scale?: boolean
}
export interface RescalingOptions extends LayerOptions {
  /** Multiplied by: one number, or one for each channel. */
  readonly scale: number | readonly number[]
  /** Default 0. */
  readonly offset?: number | readonly number[]
}

interface BatchNormalizationConfig {
  readonly axis: -1
  readonly momentum: number
  readonly epsilon: number
  readonly center: boolean
  readonly scale: boolean
}

export const batchNormalizationKind: LayerKind<BatchNormalizationConfig> = {
  className: 'BatchNormalization',
  weights(config, [shape]) {
    const channels = shape?.at(-1)
    if (channels == null) throw new Error('the number of channels must be known')
    const row = (name: string, initializer: string, trainable: boolean): VariableSpec => ({
      name,
      shape: [channels],
      initializer,
      trainable,
    })
    return [
      ...(config.scale ? [row('gamma', 'ones', true)] : []),
      ...(config.center ? [row('beta', 'zeros', true)] : []),
      row('moving_mean', 'zeros', false),
      row('moving_variance', 'ones', false),
    ]
  },
  outputShape: (_config, [shape]) => shape!,
  lower({ tape, x, config, shapes, training, weight, update, name }) {
    const channels = shapes[0]!.at(-1)!
    const gamma = config.scale ? weight('gamma') : tape.number(1, [channels])
    const beta = config.center ? weight('beta') : tape.number(0, [channels])
    const attributes = { epsilon: config.epsilon, momentum: config.momentum, training_mode: training ? 1 : 0 } as const
    const [mean, variance] = [weight('moving_mean'), weight('moving_variance')]
    const picture = channelsSecond(tape, x)
    const normalized = (from: readonly [Value, Value]): readonly Value[] =>
      tape.ops('BatchNormalization', [picture, gamma, beta, ...from], attributes, name)
    if (training) {
      update('moving_mean', (old) => normalized([old, variance])[1]!)
      update('moving_variance', (old) => normalized([mean, old])[2]!)
    }
    const y = normalized([mean, variance])[0]!
    return picture === x ? y : tape.op('Reshape', [y, tape.integers(x.shape.map((size, axis) => size ?? (axis === 0 ? -1 : 0)))], {})
  },
}

/** The operator's channels are the second axis: with any other number of axes than two or four, all axes but the last one count as the batch. */
function channelsSecond(tape: Tape, x: Value): Value {
  if (x.shape.length === 2 || x.shape.length === 4) return x
  return tape.op('Reshape', [x, tape.integers([-1, x.shape.at(-1)!])], {})
}

type Factor = number | readonly number[]

export const rescalingKind: LayerKind<{ readonly scale: Factor; readonly offset: Factor }> = {
  className: 'Rescaling',
  outputShape({ scale, offset }, [shape]) {
    const channels = shape!.at(-1)
    const other = [scale, offset].find((factor) => typeof factor !== 'number' && factor.length !== 1 && factor.length !== channels)
    if (other) throw new Error(`found the factors ${JSON.stringify(other)}, expected one number for all channels or one for each`)
    return shape!
  },
  lower({ tape, x, config, name }) {
    const factor = (value: Factor): Value =>
      typeof value === 'number' || x.shape.length !== 4 ? tape.number(value) : tape.number(value, [1, value.length, 1, 1])
    const scaled = tape.op('Mul', [x, factor(config.scale)], {}, name)
    return config.offset === 0 ? scaled : tape.op('Add', [scaled, factor(config.offset)], {})
  },
}

/**
 * Normalizes each channel. In training a trainable layer uses the batch's statistics and moves its own towards them;
 * a frozen one, and any in inference, uses its moving statistics.
 */
export function batchNormalization(options: BatchNormalizationOptions = {}): Layer {
  const axis = options.axis ?? -1
  if (axis !== -1 && axis !== 3) {
    throw new RootstockError('USAGE', `Invalid axis of batch normalization: found ${axis}, expected the last axis (-1 or 3)`)
  }
  const { epsilon = 1e-3 } = options
  if (!(epsilon >= 0)) throw new RootstockError('USAGE', `Invalid epsilon of batch normalization: found ${epsilon}, expected at least 0`)
  const config: BatchNormalizationConfig = {
    axis: -1,
    momentum: options.momentum ?? 0.99,
    epsilon,
    center: options.center ?? true,
    scale: options.scale ?? true,
  }
  return new Layer(batchNormalizationKind as LayerKind, config, options)
}

/** x·scale + offset */
export function rescaling(options: RescalingOptions): Layer {
  for (const factor of [options.scale, options.offset ?? 0]) {
    if (Array.isArray(factor) ? factor.length > 0 && factor.every(Number.isFinite) : Number.isFinite(factor)) continue
    throw new RootstockError(
      'USAGE',
      `Invalid factor of rescaling: found ${JSON.stringify(factor)}, expected a number or a list of numbers`,
    )
  }
  return new Layer(rescalingKind as LayerKind, { scale: options.scale, offset: options.offset ?? 0 }, options)
}
