/** @file Layers that join several tensors. */
import { RootstockError } from '../errors.ts'
import { sameShape, showShape, type Dim } from '../tensor/index.ts'
import type { KerasShape, LayerKind } from './kind.ts'
import { Layer, type LayerOptions } from './layer.ts'

export interface ConcatenateOptions extends LayerOptions {
  /** Counted as Keras does, batch first, channels last. Default −1. */
  readonly axis?: number
}

function elementwiseKind(className: string, op: 'Add' | 'Mul'): LayerKind {
  return {
    className,
    inputs: [2, Infinity],
    outputShape: (_config, shapes) => same(shapes),
    lower: ({ tape, inputs, x, name }) =>
      inputs.slice(1).reduce((sum, next, i) => tape.op(op, [sum, next], {}, i === inputs.length - 2 ? name : undefined), x),
  }
}

export const addKind = elementwiseKind('Add', 'Add')
export const multiplyKind = elementwiseKind('Multiply', 'Mul')

export const concatenateKind: LayerKind<{ readonly axis: number }> = {
  className: 'Concatenate',
  inputs: [2, Infinity],
  outputShape(config, shapes) {
    const first = shapes[0]!
    const axis = config.axis < 0 ? config.axis + first.length : config.axis
    if (axis < 1 || axis >= first.length) throw new Error(`axis ${config.axis} is outside the ${first.length} axes`)
    const without = (shape: KerasShape): KerasShape => shape.filter((_, i) => i !== axis)
    if (shapes.some((shape) => !sameShape(without(shape), without(first)))) throw new Error('all axes but the joined one must be equal')
    const total = shapes.reduce<Dim>((sum, shape) => (sum === null || shape[axis] == null ? null : sum + shape[axis]), 0)
    return first.map((size, i) => (i === axis ? total : size))
  },
  lower({ tape, inputs, config, shapes, name }) {
    const rank = shapes[0]!.length
    const axis = config.axis < 0 ? config.axis + rank : config.axis
    const graphAxis = rank === 4 ? ([0, 2, 3, 1][axis] ?? 1) : axis
    return tape.op('Concat', inputs, { axis: graphAxis }, name)
  },
}

/** The sum of tensors of equal shape. */
export function add(options: LayerOptions = {}): Layer {
  return new Layer(addKind, {}, options)
}

/** The product, element by element, of tensors of equal shape. */
export function multiply(options: LayerOptions = {}): Layer {
  return new Layer(multiplyKind, {}, options)
}

/** Joins tensors along one axis. */
export function concatenate(options: ConcatenateOptions = {}): Layer {
  return new Layer(concatenateKind as LayerKind, { axis: options.axis ?? -1 }, options)
}

function same(shapes: readonly KerasShape[]): KerasShape {
  const [first = [], ...rest] = shapes
  const other = rest.find((shape) => !sameShape(shape, first))
  if (other)
    throw new RootstockError('SHAPE', `Cannot join tensors of shapes ${showShape(first)} and ${showShape(other)}: they must be equal`)
  return first
}
