/** @file Sums, means and maxima over axes. Axes are a constant input, as in opset 18. */
import type { Tape } from '../tape.ts'
import type { Value } from '../graph.ts'
import type { GradientContext, Operator, ShapeContext } from './operator.ts'
import { input, integersOf, numbersOf, positiveAxis, sizes } from './shapes.ts'
import { div, expand, mul, reshape, scale, sumOver } from './steps.ts'

type ReduceName = 'ReduceMean' | 'ReduceSum' | 'ReduceMax' | 'ReduceSumSquare'

const reduce = { inputs: ['data', 'axes'], attributes: { keepdims: 'int' } } as const
const axes = { none: 'axes are constants' }

export const ReduceSum: Operator<'ReduceSum'> = {
  ...reduce,
  shape: reduced,
  // y = Σ x: dL/dx = dy, repeated
  gradient: { data: (context) => expand(context.tape, keptDy(context), sizes(context.inputs[0]!)), axes },
}

export const ReduceMean: Operator<'ReduceMean'> = {
  ...reduce,
  shape: reduced,
  gradient: {
    // y = Σ x / n: dL/dx = dy/n, repeated
    data(context) {
      const x = context.inputs[0]!
      const count = reducedAxes(context).reduce((product, axis) => product * sizes(x)[axis]!, 1)
      return expand(context.tape, scale(context.tape, keptDy(context), 1 / count), sizes(x))
    },
    axes,
  },
}

export const ReduceSumSquare: Operator<'ReduceSumSquare'> = {
  ...reduce,
  shape: reduced,
  // y = Σ x²: dL/dx = 2x·dy
  gradient: { data: (context) => mul(context.tape, context.inputs[0]!, scale(context.tape, keptDy(context), 2)), axes },
}

export const ReduceMax: Operator<'ReduceMax'> = {
  ...reduce,
  shape: reduced,
  gradient: {
    // dL/dx = dy·1[x = y]/(number of maxima): equal maxima share the gradient, as in TensorFlow.
    data(context) {
      const { tape, inputs, outputs } = context
      const x = inputs[0]!
      const y = reshape(tape, outputs[0]!, keptShape(context))
      const hit = tape.op('Cast', [tape.op('Equal', [x, y], {})], { to: 'float32' })
      const ties = sumOver(tape, hit, reducedAxes(context), 1)
      return mul(tape, hit, div(tape, keptDy(context), ties))
    },
    axes,
  },
}

/** dy with the reduced axes kept at size one, so that it broadcasts against the input. */
function keptDy<K extends ReduceName>(context: GradientContext<K>): Value {
  return reshape(context.tape, context.dy, keptShape(context))
}

function keptShape<K extends ReduceName>(context: GradientContext<K>): number[] {
  const over = reducedAxes(context)
  return sizes(context.inputs[0]!).map((size, axis) => (over.includes(axis) ? 1 : size))
}

function reducedAxes<K extends ReduceName>({ tape, inputs }: GradientContext<K>): number[] {
  return constantAxes(tape, inputs[1]!, inputs[0]!.shape.length)
}

function constantAxes(tape: Tape, value: Value, rank: number): number[] {
  const constant = tape.constants.get(value)
  if (!constant) throw new Error('axes must be constants')
  return everyAxisIfNone(numbersOf(constant), rank)
}

/** ONNX reduces over all axes where none is named. */
function everyAxisIfNone(axes: readonly number[], rank: number): number[] {
  return axes.length === 0 ? Array.from({ length: rank }, (_, axis) => axis) : axes.map((axis) => positiveAxis(axis, rank))
}

function reduced<K extends ReduceName>(context: ShapeContext<K>): { shape: (number | null)[]; dtype: 'float32' }[] {
  const { shape } = input(context, 0)
  const over = everyAxisIfNone(integersOf(context, 1), shape.length)
  const { keepdims } = context.attributes as { keepdims: 0 | 1 }
  const kept = shape.map((size, axis) => (over.includes(axis) ? 1 : size))
  return [{ shape: keepdims ? kept : shape.filter((_, axis) => !over.includes(axis)), dtype: 'float32' }]
}
