/** @file Layers that join several tensors. */
import { RootstockError } from '../errors.ts'
import type { Tape, Value } from '../graph/index.ts'
import { sameShape, showShape, type Dim } from '../tensor/index.ts'
import type { KerasShape, LayerKind } from './kind.ts'
import { Layer, type LayerOptions } from './layer.ts'
import { fromKerasLayout, toKerasLayout } from './layout.ts'

export interface ConcatenateOptions extends LayerOptions {
  /** Counted as Keras does, batch first, channels last. Default −1. */
  readonly axis?: number
}

function elementwiseKind(className: string, op: 'Add' | 'Mul'): LayerKind {
  return {
    className,
    inputs: [2, Infinity],
    outputShape: (_config, shapes) => broadcast(shapes),
    lower({ tape, inputs, shapes, name }) {
      const rank = Math.max(...shapes.map(({ length }) => length))
      const [first, ...rest] = inputs.map((value) => withAxes(tape, value, rank))
      return rest.reduce((sum, next, i) => tape.op(op, [sum, next], {}, i === rest.length - 1 ? name : undefined), first!)
    },
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

/** The sum of tensors, broadcast to one shape: sizes of one are repeated. */
export function add(options: LayerOptions = {}): Layer {
  return new Layer(addKind, {}, options)
}

/** The product of tensors, element by element, broadcast to one shape: sizes of one are repeated. */
export function multiply(options: LayerOptions = {}): Layer {
  return new Layer(multiplyKind, {}, options)
}

/** Joins tensors along one axis. */
export function concatenate(options: ConcatenateOptions = {}): Layer {
  return new Layer(concatenateKind as LayerKind, { axis: options.axis ?? -1 }, options)
}

/** Keras's rule: sizes of one are repeated, and axes that are missing come in behind the batch. A size that is not known is not known afterwards. */
function broadcast(shapes: readonly KerasShape[]): KerasShape {
  const misfit = (): never => {
    throw new RootstockError('SHAPE', `Cannot join tensors of shapes ${shapes.map(showShape).join(' and ')}`, {
      hint: 'Sizes of one axis must be equal, or 1; an axis that is missing counts as 1 and stands behind the batch',
    })
  }
  const together = (a: KerasShape, b: KerasShape): KerasShape => {
    if (a.length < b.length) return together(b, a)
    const lead = a.length - b.length
    return a.map((size, i) => {
      const other = i < lead ? 1 : b[i - lead]!
      if (other === 1 || size === other) return size
      return size === null || other === null ? null : size === 1 ? other : misfit()
    })
  }
  const batches = new Set(shapes.map(([batch]) => batch ?? null).filter((batch) => batch !== null))
  if (batches.size > 1) misfit()
  return [[...batches][0] ?? null, ...shapes.map((shape): KerasShape => shape.slice(1)).reduce(together)]
}

/** The value with axes of size one behind the batch, up to this many; they come in where Keras's shape has them. */
function withAxes(tape: Tape, value: Value, rank: number): Value {
  const missing = rank - value.shape.length
  if (missing === 0) return value
  const plain = toKerasLayout(tape, value)
  const [batch, ...rest] = plain.shape.map((size) => size ?? 0)
  const ones = Array.from({ length: missing }, () => 1)
  return fromKerasLayout(tape, tape.op('Reshape', [plain, tape.integers([batch ?? 0, ...ones, ...rest])], {}))
}
