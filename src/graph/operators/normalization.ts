/** @file Batch normalization per channel (axis 1): on given statistics, or on those of the batch while training. */
import type { Tape } from '../tape.ts'
import type { Node, Value } from '../graph.ts'
import type { GradientContext, Operator } from './operator.ts'
import { input, sizes } from './shapes.ts'
import { add, mul, neg, scale, sqrt, sumOver } from './steps.ts'

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
    // dL/dγ = Σ dy·x̂ = Σ dy·(x − μ) / √(σ² + ε)
    scale(context) {
      const { tape, dy } = context
      const { deviations, inverse } = standard(context)
      return mul(tape, sumOver(tape, mul(tape, dy, deviations), channelAxes(dy)), inverse)
    },
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

// On batch statistics μ and σ depend on x too: dL/dx = γ/σ · (dy − mean(dy) − (x − μ)/σ² · mean(dy·(x − μ))), σ² with ε in it.
// The factor per channel comes last: a convolution before it takes it into its kernel.
function throughStatistics(context: GradientContext<'BatchNormalization'>): Value {
  const { tape, inputs, dy } = context
  const [x, gamma] = inputs as [Value, Value]
  const count = elementsPerChannel(x)
  const { deviations, inverse } = standard(context)
  const meanOf = (value: Value): Value => scale(tape, sumOver(tape, value, channelAxes(x)), 1 / count)
  const dot = mul(tape, mul(tape, inverse, inverse), meanOf(mul(tape, dy, deviations)))
  const rest = affine(tape, deviations, { slope: neg(tape, dot), offset: neg(tape, meanOf(dy)) })
  return affine(tape, add(tape, rest, dy), { slope: mul(tape, gamma, inverse), offset: perChannel(tape, x, 0) })
}

/**
 * Mean and population variance of every channel over the batch. The deviations are squared, not the values, so nothing
 * cancels; and ReduceSum adds up in a tree where ReduceSumSquare would add one by one, at forty times the error.
 */
export function batchMoments(tape: Tape, x: Value): { mean: Value; variance: Value } {
  const axes = tape.integers(channelAxes(x))
  const mean = tape.op('ReduceMean', [x, axes], { keepdims: 0 })
  const deviations = deviationsFrom(tape, x, mean)
  return { mean, variance: tape.op('ReduceMean', [mul(tape, deviations, deviations), axes], { keepdims: 0 }) }
}

/** x − μ and 1/√(σ² + ε), of the batch or as given. */
function standard({ tape, inputs, attributes }: GradientContext<'BatchNormalization'>): { deviations: Value; inverse: Value } {
  const [x, , , movingMean, movingVariance] = inputs as [Value, Value, Value, Value, Value]
  const { mean, variance } = attributes.training_mode ? batchMoments(tape, x) : { mean: movingMean, variance: movingVariance }
  const spread = sqrt(tape, add(tape, variance, tape.number(attributes.epsilon)))
  return { deviations: deviationsFrom(tape, x, mean), inverse: tape.op('Reciprocal', [spread], {}) }
}

/** x − μ: with given statistics, batch normalization is the engine's cheapest pass per channel. */
function deviationsFrom(tape: Tape, x: Value, mean: Value): Value {
  const [one, zero] = [perChannel(tape, x, 1), perChannel(tape, x, 0)]
  return tape.op('BatchNormalization', [x, one, zero, mean, one], { epsilon: 0, momentum: 0, training_mode: 0 })
}

/** slope·x + offset per channel: batch normalization on μ = 0, σ² = 1. */
function affine(tape: Tape, x: Value, { slope, offset }: { slope: Value; offset: Value }): Value {
  const exact = { epsilon: 0, momentum: 0, training_mode: 0 } as const
  return tape.op('BatchNormalization', [x, slope, offset, perChannel(tape, x, 0), perChannel(tape, x, 1)], exact)
}

/** The value and the factor of a pure multiplication per channel. */
export function factorOf(tape: Tape, value: Value): { readonly value: Value; readonly factor: Value } | undefined {
  const node = tape.nodes.findLast(({ outputs }) => outputs[0] === value) as Node<'BatchNormalization'> | undefined
  if (node?.op !== 'BatchNormalization' || node.attributes.training_mode || node.attributes.epsilon !== 0) return undefined
  const [x, factor, offset, mean, variance] = node.inputs
  const [zero, one] = [perChannel(tape, value, 0), perChannel(tape, value, 1)]
  return x && factor && offset === zero && mean === zero && variance === one ? { value: x, factor } : undefined
}

function perChannel(tape: Tape, x: Value, value: number): Value {
  return tape.number(value, [channelsOf(x)])
}

const channelsOf = (x: Value): number => sizes(x)[1] ?? 1
const channelAxes = (x: Value): number[] => x.shape.map((_, axis) => axis).filter((axis) => axis !== 1)
const elementsPerChannel = (x: Value): number => sizes(x).reduce((product, size, axis) => (axis === 1 ? product : product * size), 1)
