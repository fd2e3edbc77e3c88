/** @file Shape rules that several operators share. They throw plain sentences; the tape adds the operator and its inputs. */
import type { Dim, Tensor } from '../../tensor/index.ts'
import type { Value, ValueType } from '../graph.ts'
import type { OpName } from './signatures.ts'
import type { ShapeContext } from './operator.ts'

type Context = { readonly inputs: readonly (ValueType | null)[] }

/** Input i, which must be there. */
export function input(context: Context, i: number): ValueType {
  const found = context.inputs[i]
  if (!found) throw new Error(`input ${i} is missing`)
  return found
}

/** The output has the type of the first input. */
export function sameAsFirst(context: Context): readonly ValueType[] {
  const { shape, dtype } = input(context, 0)
  return [{ shape, dtype }]
}

/** NumPy's broadcasting over all inputs. */
export function broadcastAll(context: Context): readonly ValueType[] {
  const first = input(context, 0)
  const shape = context.inputs.reduce<readonly Dim[]>((sum, next) => (next ? broadcast(sum, next.shape) : sum), [])
  return [{ shape, dtype: first.dtype }]
}

/** NumPy's broadcasting of two shapes. */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[i - rank + a.length], b[i - rank + b.length]]
    if (x === undefined || x === 1) return y ?? (y === null ? null : 1)
    if (y === undefined || y === 1 || x === y) return x
    if (x === null || y === null) return null
    throw new Error(`sizes ${x} and ${y} do not broadcast`)
  })
}

/** The sizes of a value, all of which must be known. */
export function known(value: ValueType): number[] {
  return value.shape.map((size, axis) => {
    if (size === null) throw new Error(`the size of axis ${axis} must be known`)
    return size
  })
}

/** Sizes of a value with exactly `rank` axes. */
export function ranked(value: ValueType, rank: number, what: string): readonly Dim[] {
  if (value.shape.length !== rank) throw new Error(`${what} must have ${rank} axes`)
  return value.shape
}

/** The numbers of a constant integer input. */
export function integersOf<K extends OpName>(context: ShapeContext<K>, i: number): number[] {
  const found = context.constant(i)
  if (!found) throw new Error(`input ${i} must be a constant`)
  return Array.from(found.data as ArrayLike<number | bigint>, Number)
}

/** The axis counted from the front. */
export function positiveAxis(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis
  if (positive < 0 || positive >= rank) throw new Error(`axis ${axis} is outside ${rank} axes`)
  return positive
}

/** Spatial output size of a sliding window. */
export function windowed(size: Dim, window: { kernel: number; stride: number; dilation: number; before: number; after: number }): Dim {
  if (size === null) return null
  const { kernel, stride, dilation, before, after } = window
  const out = Math.floor((size + before + after - dilation * (kernel - 1) - 1) / stride) + 1
  if (out < 1) throw new Error(`a window of ${kernel} does not fit into ${size} values`)
  return out
}

/** Sizes known at the door of a gradient rule. */
export const sizes = (value: Value): number[] => known(value)

/** The values of a constant as numbers. */
export const numbersOf = (constant: Tensor): number[] => Array.from(constant.data as ArrayLike<number | bigint>, Number)
