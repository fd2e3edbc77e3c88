/** @file Batch normalization per channel (axis 1): on given statistics, or on those of the batch while training. */
import type { Tape } from '../tape.ts'
import type { Value } from '../graph.ts'
import type { GradientContext, Operator } from './operator.ts'
import { input, sizes } from './shapes.ts'
import { add, div, mul, neg, reshape, scale, sqrt, sub, sumOver } from './steps.ts'

/**
 * y = γ(x − μ)/√(σ² + ε) + β. In training mode μ and σ² are the batch's own, and two more outputs hold the moving
 * statistics after the step: moving' = momentum · moving + (1 − momentum) · batch, with the population variance.
 */
export const BatchNormalization: Operator<'BatchNormalization'> = {
  inputs: ['X', 'scale', 'B', 'input_mean', 'input_var'],
  attributes: { epsilon: 'float', momentum: 'float', training_mode: 'int' },
  shape(context) {
    const x = input(context, 0)
    const channels = x.shape[1]
    for (let i = 1; i < 5; i++) {
      const { shape } = input(context, i)
      if (shape.length !== 1 || shape[0] !== channels) throw new Error(`input ${i} must have shape [${channels}]`)
    }
    const statistics = { shape: [channels ?? null], dtype: x.dtype } as const
    const y = { shape: x.shape, dtype: x.dtype }
    return context.attributes.training_mode ? [y, statistics, statistics] : [y]
  },
  gradient: {
    X: (context) => (context.attributes.training_mode ? throughStatistics(context) : onGivenStatistics(context)),
    // dL/dγ = Σ dy·x̂
    scale: (context) => sumOver(context.tape, mul(context.tape, context.dy, standardized(context)), channelAxes(context.dy)),
    // dL/dβ = Σ dy
    B: ({ tape, dy }) => sumOver(tape, dy, channelAxes(dy)),
    input_mean: { none: 'moving statistics are updated by averaging, never by descent' },
    input_var: { none: 'moving statistics are updated by averaging, never by descent' },
  },
}

// On given statistics y is affine in x: dL/dx = dy·γ/σ, the same operator with μ = β = 0.
function onGivenStatistics({ tape, inputs, attributes, dy }: GradientContext<'BatchNormalization'>): Value {
  const [, gamma, , , variance] = inputs as [Value, Value, Value, Value, Value]
  const zero = perChannel(tape, dy, 0)
  return tape.op('BatchNormalization', [dy, gamma, zero, zero, variance], attributes)
}

// On batch statistics μ and σ depend on x too: dL/dx = γ/σ · (dy − mean(dy) − x̂·mean(dy·x̂))
function throughStatistics(context: GradientContext<'BatchNormalization'>): Value {
  const { tape, inputs, attributes, dy } = context
  const [x, gamma] = inputs as [Value, Value]
  const count = elementsPerChannel(x)
  const hat = standardized(context)
  const { variance } = batchMoments(tape, x)
  const slope = div(tape, gamma, sqrt(tape, add(tape, variance, tape.number(attributes.epsilon))))
  const meanOfDy = scale(tape, sumOver(tape, dy, channelAxes(x)), 1 / count)
  const meanOfDot = scale(tape, sumOver(tape, mul(tape, dy, hat), channelAxes(x)), 1 / count)
  const fromDy = affine(tape, dy, { slope, offset: neg(tape, mul(tape, slope, meanOfDy)) })
  return sub(tape, fromDy, mul(tape, hat, alongChannels(tape, mul(tape, slope, meanOfDot), x)))
}

/**
 * Mean and population variance of every channel over the batch. The deviations are squared, not the values, so nothing
 * cancels; and ReduceSum adds up in a tree where ReduceSumSquare would add one by one, at forty times the error.
 */
export function batchMoments(tape: Tape, x: Value): { mean: Value; variance: Value } {
  const axes = tape.integers(channelAxes(x))
  const mean = tape.op('ReduceMean', [x, axes], { keepdims: 0 })
  const centered = sub(tape, x, alongChannels(tape, mean, x))
  return { mean, variance: tape.op('ReduceMean', [mul(tape, centered, centered), axes], { keepdims: 0 }) }
}

/** x̂ = (x − μ)/√(σ² + ε) */
function standardized({ tape, inputs, attributes }: GradientContext<'BatchNormalization'>): Value {
  const [x, , , movingMean, movingVariance] = inputs as [Value, Value, Value, Value, Value]
  const { mean, variance } = attributes.training_mode ? batchMoments(tape, x) : { mean: movingMean, variance: movingVariance }
  const given = { epsilon: attributes.epsilon, momentum: attributes.momentum, training_mode: 0 } as const
  return tape.op('BatchNormalization', [x, perChannel(tape, x, 1), perChannel(tape, x, 0), mean, variance], given)
}

/** slope·x + offset per channel: batch normalization on μ = 0, σ² = 1 is the engine's cheapest such pass. */
function affine(tape: Tape, x: Value, { slope, offset }: { slope: Value; offset: Value }): Value {
  const exact = { epsilon: 0, momentum: 0, training_mode: 0 } as const
  return tape.op('BatchNormalization', [x, slope, offset, perChannel(tape, x, 0), perChannel(tape, x, 1)], exact)
}

function perChannel(tape: Tape, x: Value, value: number): Value {
  return tape.number(value, [channelsOf(x)])
}

function alongChannels(tape: Tape, vector: Value, x: Value): Value {
  return reshape(tape, vector, [1, channelsOf(x), ...x.shape.slice(2).map(() => 1)])
}

const channelsOf = (x: Value): number => sizes(x)[1] ?? 1
const channelAxes = (x: Value): number[] => x.shape.map((_, axis) => axis).filter((axis) => axis !== 1)
const elementsPerChannel = (x: Value): number => sizes(x).reduce((product, size, axis) => (axis === 1 ? product : product * size), 1)
