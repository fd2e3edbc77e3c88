/** @file Puts the axes of a tensor in another order, a square of numbers at a time: rows and columns both stay in the processor's cache. */
import { sizeOf, stridesOf, type Shape, type Tensor } from './tensor.ts'

/** An axis of the result: how far apart its neighbours lie in the input, and in the result. */
interface Axis {
  readonly size: number
  readonly from: number
  readonly to: number
}

/** Numbers along each side of a square. */
const SQUARE = 32

/** A copy with its axes in another order: axis i of the result is axis `order[i]` of the input. */
export function transpose(value: Tensor<'float32'>, order: readonly number[]): Tensor<'float32'> {
  const shape = order.map((axis) => value.shape[axis] ?? 0)
  const data = new Float32Array(sizeOf(shape))
  const axes = joinedAxes(shape, { from: stridesOf(value.shape), order })
  const inner = axes.at(-1)
  const across = axes.find(({ from }) => from === 1)
  if (!inner || !across || inner === across)
    fill(axes.slice(0, -1), (from, to) => void copyRun(value.data, data, { from, to, size: inner?.size ?? 1 }))
  else {
    const others = axes.filter((axis) => axis !== inner && axis !== across)
    fill(others, (from, to) => void turn(value.data.subarray(from), data.subarray(to), { inner, across }))
  }
  return { data, shape, dtype: 'float32' }
}

/** The axes of the result without those of one number; neighbours that are neighbours in the input too become one. */
function joinedAxes(shape: Shape, { from, order }: { from: readonly number[]; order: readonly number[] }): Axis[] {
  const strides = stridesOf(shape)
  const joined: Axis[] = []
  for (const [i, axis] of order.entries()) {
    const next: Axis = { size: shape[i]!, from: from[axis]!, to: strides[i]! }
    const last = joined.at(-1)
    if (next.size === 1) continue
    if (last?.from === next.from * next.size) joined.splice(-1, 1, { ...next, size: last.size * next.size })
    else joined.push(next)
  }
  return joined
}

/** Calls `copy` with the places of every combination of the axes' indices. */
function fill(axes: readonly Axis[], copy: (from: number, to: number) => void, from = 0, to = 0): void {
  const [axis, ...rest] = axes
  if (!axis) return copy(from, to)
  for (let i = 0; i < axis.size; i++) fill(rest, copy, from + i * axis.from, to + i * axis.to)
}

function copyRun(source: Float32Array, target: Float32Array, { from, to, size }: { from: number; to: number; size: number }): void {
  target.set(source.subarray(from, from + size), to)
}

/** Two axes: `across` lies without gaps in the source, `inner` in the target. */
function turn(source: Float32Array, target: Float32Array, { inner, across }: { inner: Axis; across: Axis }): void {
  for (let row = 0; row < across.size; row += SQUARE) {
    const rows = Math.min(row + SQUARE, across.size)
    for (let column = 0; column < inner.size; column += SQUARE) {
      const columns = Math.min(column + SQUARE, inner.size)
      for (let i = row; i < rows; i++) for (let j = column; j < columns; j++) target[i * across.to + j] = source[j * inner.from + i]!
    }
  }
}
