/** @file Short names for the nodes that gradient rules write most often. */
import { sameShape } from '../../tensor/index.ts'
import type { Tape } from '../tape.ts'
import type { Value } from '../graph.ts'
import { sizes } from './shapes.ts'

/** a + b, broadcast. */
export const add = (tape: Tape, a: Value, b: Value): Value => tape.op('Add', [a, b], {})
/** a − b, broadcast. */
export const sub = (tape: Tape, a: Value, b: Value): Value => tape.op('Sub', [a, b], {})
/** a · b, broadcast. */
export const mul = (tape: Tape, a: Value, b: Value): Value => tape.op('Mul', [a, b], {})
/** a / b, broadcast. */
export const div = (tape: Tape, a: Value, b: Value): Value => tape.op('Div', [a, b], {})
/** −x */
export const neg = (tape: Tape, a: Value): Value => tape.op('Neg', [a], {})
/** √x */
export const sqrt = (tape: Tape, a: Value): Value => tape.op('Sqrt', [a], {})
/** x times a number. */
export const scale = (tape: Tape, a: Value, by: number): Value => (by === 1 ? a : mul(tape, a, tape.number(by)))

/** The same numbers under another shape; no node when the shape is the same already. */
export function reshape(tape: Tape, value: Value, shape: readonly number[]): Value {
  return sameShape(value.shape, shape) ? value : tape.op('Reshape', [value, tape.integers(shape)], {})
}

/** The axes of x in another order. */
export function transpose(tape: Tape, value: Value, perm: readonly number[]): Value {
  return tape.op('Transpose', [value], { perm })
}

/** Σ over the given axes, which vanish unless kept. */
export function sumOver(tape: Tape, value: Value, axes: readonly number[], keepdims: 0 | 1 = 0): Value {
  return axes.length === 0 ? value : tape.op('ReduceSum', [value, tape.integers(axes)], { keepdims })
}

/** Mean over the given axes, which vanish unless kept. */
export function meanOver(tape: Tape, value: Value, axes: readonly number[], keepdims: 0 | 1 = 0): Value {
  return axes.length === 0 ? value : tape.op('ReduceMean', [value, tape.integers(axes)], { keepdims })
}

/** The adjoint of broadcasting: sums `dy` over every axis along which `shape` was repeated. */
export function unbroadcast(tape: Tape, dy: Value, target: Value): Value {
  if (sameShape(dy.shape, target.shape)) return dy
  const [from, to] = [sizes(dy), sizes(target)]
  const lead = from.length - to.length
  const axes = from.map((_, axis) => axis).filter((axis) => axis < lead || (to[axis - lead] === 1 && from[axis] !== 1))
  return reshape(tape, sumOver(tape, dy, axes, 1), to)
}

/** Repeats a value along its axes of size one. */
export function expand(tape: Tape, value: Value, shape: readonly number[]): Value {
  return sameShape(value.shape, shape) ? value : tape.op('Expand', [value, tape.integers(shape)], {})
}

interface Window {
  readonly from: readonly number[]
  readonly to: readonly number[]
  readonly step: readonly number[]
}

/** Cuts height and width of [N,C,H,W]. */
export function sliceSpatial(tape: Tape, value: Value, { from, to, step }: Window): Value {
  return tape.op('Slice', [value, tape.integers(from), tape.integers(to), tape.integers([2, 3]), tape.integers(step)], {})
}

/** Adds zeros around height and width; pads are top, left, bottom, right. */
export function padSpatial(tape: Tape, value: Value, pads: readonly number[]): Value {
  if (pads.every((pad) => pad === 0)) return value
  const [top = 0, left = 0, bottom = 0, right = 0] = pads
  return tape.op('Pad', [value, tape.integers([0, 0, top, left, 0, 0, bottom, right]), null], {})
}

/** Turns kernels by half a circle. */
export function flipSpatial(tape: Tape, value: Value): Value {
  const [, , h, w] = sizes(value)
  if (h === 1 && w === 1) return value
  const lowest = -Number.MAX_SAFE_INTEGER
  return sliceSpatial(tape, value, { from: [-1, -1], to: [lowest, lowest], step: [-1, -1] })
}

/** Spreads pixels `strides` apart with zeros between and behind them, up to `size`: the adjoint of taking every so-manieth. */
export function insertZeros(tape: Tape, value: Value, strides: readonly number[], size: readonly number[]): Value {
  const [, c = 0, h = 0, w = 0] = sizes(value)
  const [sy = 1, sx = 1] = strides
  const [height = 0, width = 0] = size
  if (sy === 1 && sx === 1 && height === h && width === w) return value
  const output_padding = [height - (h - 1) * sy - 1, width - (w - 1) * sx - 1]
  const attributes = { strides, pads: [0, 0, 0, 0], dilations: [1, 1], group: c, output_padding }
  return tape.op('ConvTranspose', [value, tape.number(1, [c, 1, 1, 1])], attributes)
}
