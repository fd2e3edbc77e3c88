/** @file Operators that move numbers without changing them. Shapes, axes and pads are constant inputs. */
import type { Dim } from '../../tensor/index.ts'
import type { Tape } from '../tape.ts'
import type { Value } from '../graph.ts'
import type { Operator } from './operator.ts'
import { broadcast, input, integersOf, numbersOf, positiveAxis, sameAsFirst, sizes } from './shapes.ts'
import { reshape, transpose, unbroadcast } from './steps.ts'

const constant = { none: 'shapes, axes and pads are constants' }

export const Identity: Operator<'Identity'> = {
  inputs: ['input'],
  attributes: {},
  shape: sameAsFirst,
  gradient: { input: ({ dy }) => dy },
}

export const Reshape: Operator<'Reshape'> = {
  inputs: ['data', 'shape'],
  attributes: {},
  shape(context) {
    const data = input(context, 0)
    return [{ shape: reshaped(data.shape, integersOf(context, 1)), dtype: data.dtype }]
  },
  gradient: { data: ({ tape, inputs: [x], dy }) => reshape(tape, dy, sizes(x!)), shape: constant },
}

export const Transpose: Operator<'Transpose'> = {
  inputs: ['data'],
  attributes: { perm: 'ints' },
  shape(context) {
    const { shape, dtype } = input(context, 0)
    const { perm } = context.attributes
    if ([...perm].sort((a, b) => a - b).some((axis, i) => axis !== i) || perm.length !== shape.length) {
      throw new Error(`perm [${perm.join(',')}] is not an order of ${shape.length} axes`)
    }
    return [{ shape: perm.map((axis) => shape[axis] ?? null), dtype }]
  },
  gradient: {
    // The inverse order.
    data: ({ tape, attributes: { perm }, dy }) =>
      transpose(
        tape,
        dy,
        perm.map((_, axis) => perm.indexOf(axis)),
      ),
  },
}

export const Concat: Operator<'Concat'> = {
  inputs: ['inputs'],
  variadic: true,
  attributes: { axis: 'int' },
  shape(context) {
    const first = input(context, 0)
    const axis = positiveAxis(context.attributes.axis, first.shape.length)
    let total: Dim = 0
    for (const value of context.inputs) {
      if (!value || value.shape.length !== first.shape.length) throw new Error('all inputs need the same number of axes')
      value.shape.forEach((size, i) => {
        if (i !== axis && size !== first.shape[i]) throw new Error(`sizes ${size} and ${first.shape[i]} differ on axis ${i}`)
      })
      const size: Dim = value.shape[axis] ?? null
      total = total === null || size === null ? null : total + size
    }
    return [{ shape: first.shape.map((size, i) => (i === axis ? total : size)), dtype: first.dtype }]
  },
  gradient: {
    // Each input receives its own part of dy.
    inputs({ tape, inputs, index, attributes, dy }) {
      const axis = positiveAxis(attributes.axis, sizes(dy).length)
      const widths = inputs.map((value) => sizes(value)[axis]!)
      const from = widths.slice(0, index).reduce((sum, width) => sum + width, 0)
      return slice(tape, dy, { axes: [axis], from: [from], to: [from + widths[index]!] })
    },
  },
}

export const Slice: Operator<'Slice'> = {
  inputs: ['data', 'starts', 'ends', 'axes', 'steps'],
  attributes: {},
  shape(context) {
    const data = input(context, 0)
    const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) => integersOf(context, i)) as [number[], number[], number[], number[]]
    const shape = [...data.shape]
    axes.forEach((axis, i) => {
      const at = positiveAxis(axis, shape.length)
      const size = shape[at]
      if (size == null) throw new Error(`axis ${axis} must have a known size`)
      shape[at] = sliced(size, { start: starts[i]!, end: ends[i]!, step: steps[i]! })
    })
    return [{ shape, dtype: data.dtype }]
  },
  gradient: {
    data: ({ tape, inputs, dy }) => unslice(tape, inputs as [Value, Value, Value, Value, Value], dy),
    starts: constant,
    ends: constant,
    axes: constant,
    steps: constant,
  },
}

export const Pad: Operator<'Pad'> = {
  inputs: ['data', 'pads', 'constant_value', 'axes'],
  attributes: {},
  shape(context) {
    const data = input(context, 0)
    const pads = integersOf(context, 1)
    const rank = data.shape.length
    const axes = context.inputs[3] ? integersOf(context, 3) : data.shape.map((_, axis) => axis)
    if (axes.length !== rank || axes.some((axis, i) => axis !== i && axis !== i - rank)) throw new Error('the axes must be all, in order')
    return [{ shape: data.shape.map((size, i) => (size === null ? null : size + pads[i]! + pads[i + rank]!)), dtype: data.dtype }]
  },
  gradient: {
    // The padding is cut off again; what negative pads cut off comes back as zeros.
    data({ tape, inputs: [x, pads], dy }) {
      const amounts = numbersOf(tape.constants.get(pads!)!)
      if (amounts.some((amount) => amount < 0)) return tape.op('Pad', [dy, tape.integers(amounts.map((amount) => 0 - amount)), null], {})
      const shape = sizes(x!)
      const axes = shape.map((_, axis) => axis).filter((axis) => amounts[axis] !== 0 || amounts[axis + shape.length] !== 0)
      if (axes.length === 0) return dy
      return slice(tape, dy, { axes, from: axes.map((axis) => amounts[axis]!), to: axes.map((axis) => amounts[axis]! + shape[axis]!) })
    },
    pads: constant,
    constant_value: constant,
    axes: constant,
  },
}

export const Expand: Operator<'Expand'> = {
  inputs: ['input', 'shape'],
  attributes: {},
  shape(context) {
    const { shape, dtype } = input(context, 0)
    return [{ shape: broadcast(shape, integersOf(context, 1)), dtype }]
  },
  gradient: { input: ({ tape, inputs: [x], dy }) => unbroadcast(tape, dy, x!), shape: constant },
}

/** Adds (or writes) updates at the given places along one axis of a copy of the data. */
export const ScatterElements: Operator<'ScatterElements'> = {
  inputs: ['data', 'indices', 'updates'],
  attributes: { axis: 'int', reduction: 'string' },
  shape: sameAsFirst,
  gradient: {
    data: { none: 'it only writes the gradient of max pooling, whose data is constant' },
    indices: constant,
    updates: { none: 'it only writes the gradient of max pooling; second derivatives are out of scope' },
  },
}

interface Cut {
  readonly axes: readonly number[]
  readonly from: readonly number[]
  readonly to: readonly number[]
}

function slice(tape: Tape, value: Value, { axes, from, to }: Cut): Value {
  return tape.op('Slice', [value, tape.integers(from), tape.integers(to), tape.integers(axes), tape.integers(axes.map(() => 1))], {})
}

/** Puts dy back where the slice took it from, zeros elsewhere: axis by axis reverse, spread apart, pad. */
function unslice(tape: Tape, [data, ...rest]: [Value, Value, Value, Value, Value], dy: Value): Value {
  const [starts, ends, axes, steps] = rest.map((value) => numbersOf(tape.constants.get(value)!)) as [number[], number[], number[], number[]]
  const full = sizes(data)
  return axes.reduce((grad, axis, i) => {
    const at = positiveAxis(axis, full.length)
    const { first, step, count } = sliceRange(full[at]!, { start: starts[i]!, end: ends[i]!, step: steps[i]! })
    const lowest = step > 0 ? first : first + (count - 1) * step
    const forward = step > 0 ? grad : reverse(tape, grad, at)
    return spreadAxis(tape, forward, { axis: at, step: Math.abs(step), before: lowest, size: full[at]! })
  }, dy)
}

function reverse(tape: Tape, value: Value, axis: number): Value {
  const one = [-1]
  return tape.op(
    'Slice',
    [value, tape.integers(one), tape.integers([-Number.MAX_SAFE_INTEGER]), tape.integers([axis]), tape.integers(one)],
    {},
  )
}

function spreadAxis(tape: Tape, value: Value, how: { axis: number; step: number; before: number; size: number }): Value {
  const { axis, step, before, size } = how
  const shape = sizes(value)
  const count = shape[axis]!
  let spread = value
  if (step > 1) {
    const apart = reshape(tape, value, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)])
    const padded = padAxis(tape, apart, { axis: axis + 1, before: 0, after: step - 1 })
    const joined = reshape(
      tape,
      padded,
      shape.map((n, i) => (i === axis ? n * step : n)),
    )
    spread = slice(tape, joined, { axes: [axis], from: [0], to: [(count - 1) * step + 1] })
  }
  return padAxis(tape, spread, { axis, before, after: size - before - ((count - 1) * step + 1) })
}

function padAxis(tape: Tape, value: Value, { axis, before, after }: { axis: number; before: number; after: number }): Value {
  if (before === 0 && after === 0) return value
  const rank = value.shape.length
  const pads = new Array<number>(2 * rank).fill(0)
  pads[axis] = before
  pads[axis + rank] = after
  return tape.op('Pad', [value, tape.integers(pads), null], {})
}

interface Range {
  readonly start: number
  readonly end: number
  readonly step: number
}

function sliced(size: number, range: Range): number {
  return sliceRange(size, range).count
}

/** ONNX's clamping of starts and ends. */
function sliceRange(size: number, { start, end, step }: Range): { first: number; step: number; count: number } {
  const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value < 0 ? value + size : value))
  const first = step > 0 ? clamp(start, 0, size) : clamp(start, 0, size - 1)
  const last = step > 0 ? clamp(end, 0, size) : clamp(end, -1, size - 1)
  return { first, step, count: Math.max(0, Math.ceil((last - first) / step)) }
}

function reshaped(from: readonly Dim[], to: readonly number[]): Dim[] {
  const shape = to.map((size, i): Dim => (size === 0 ? (from[i] ?? null) : size))
  const total = (dims: readonly Dim[]): number | null =>
    dims.reduce<number | null>((product, size) => (product === null || size === null ? null : product * size), 1)
  const wanted = total(from)
  const at = shape.indexOf(-1)
  if (at < 0) {
    const given = total(shape)
    if (wanted !== null && given !== null && wanted !== given) throw new Error(`${wanted} values do not fill [${to.join(',')}]`)
    return shape
  }
  // With an unknown batch on both sides, the remaining axes still determine the one that is left open.
  const rest = shape.filter((_, i) => i !== at)
  const unknown = from[0] === null && shape[0] === null
  const [inside, outside] = unknown ? [total(from.slice(1)), total(rest.slice(1))] : [wanted, total(rest)]
  shape[at] = inside === null || outside === null ? null : inside / outside
  if (shape[at] !== null && !Number.isInteger(shape[at])) throw new Error(`values do not divide into [${to.join(',')}]`)
  return shape
}
