/** @file The two orders of a value, plain and in blocks, and the ways between them. */
import type { Value } from '../../graph.ts'
import { reshape } from '../../operators/steps.ts'
import { sizes } from '../../operators/shapes.ts'
import type { Tape } from '../../tape.ts'
import { fixedKernels } from './fixed-kernels.ts'

/** What a rule of the pass works with. Values are those of the new tape. */
export interface Layouts {
  readonly tape: Tape
  /** Channels that lie together. */
  readonly block: number
  readonly isBlocked: (value: Value) => boolean
  /** Says that the numbers of a value lie in blocks, and returns it. */
  readonly mark: (value: Value) => Value
  /** The same numbers, still in blocks, with pictures and channels counted otherwise. */
  readonly view: (value: Value, shape: readonly number[]) => Value
  /** Says that a value is another one with so many zeros around it (top, left, bottom, right), or less where zeros were cut off, and returns it. */
  readonly padded: (value: Value, source: Value, pads: readonly number[]) => Value
  /** What a value is without the zeros around it; a view of it where it is one. */
  readonly unpadded: (value: Value) => Padding
  /** The value in blocks; its channels must be a multiple of the block. */
  readonly toBlocks: (value: Value) => Value
  readonly toPlain: (value: Value) => Value
  /** Whether only the node at hand reads what stands for this value. */
  readonly isReadOnce: (value: Value) => boolean
  /** The kernel in the order that convolutions on blocks read, where it can be had without computing. */
  readonly fixedKernel: (kernel: Value) => Value | undefined
}

/** A value and the zeros around it. */
export interface Padding {
  readonly source: Value
  /** Top, left, bottom, right. */
  readonly pads: readonly number[]
}

/** Whether a value can lie in blocks. How many photos there are need not be known. */
export function fits({ shape }: Value, block: number): boolean {
  return shape.length === 4 && shape.slice(1).every((size) => size !== null) && (shape[1] ?? 0) % block === 0
}

interface KernelsAndReaders {
  readonly isReadOnce: Layouts['isReadOnce']
  /** Whether weights stay as they are, so that they can be put into order ahead. */
  readonly fixed: boolean
}

/** The tape's own memory of equal calls makes one reorder of several. */
export function createLayouts(tape: Tape, block: number, { isReadOnce, fixed }: KernelsAndReaders): Layouts {
  const blocked = new Set<Value>()
  const viewed = new Map<Value, Value>()
  const paddings = new Map<Value, Padding>()
  const mark = (value: Value): Value => {
    blocked.add(value)
    return value
  }
  const toPlain = (value: Value): Value => {
    if (!blocked.has(value)) return value
    const source = viewed.get(value)
    if (source) return reshape(tape, toPlain(source), sizes(value))
    return tape.op('ReorderOutput', [value], { channels: value.shape[1]! })
  }
  const view = (value: Value, shape: readonly number[]): Value => {
    const other = reshape(tape, value, shape)
    if (other !== value) viewed.set(other, value)
    return mark(other)
  }
  const unpadded = (value: Value): Padding => {
    const own = paddings.get(value)
    if (own) return own
    const viewOf = viewed.get(value)
    const inner = viewOf && unpadded(viewOf)
    if (!inner || inner.source === viewOf) return { source: value, pads: [0, 0, 0, 0] }
    const [, , h = 0, w = 0] = sizes(inner.source)
    return { source: view(inner.source, [...sizes(value).slice(0, 2), h, w]), pads: inner.pads }
  }
  return {
    tape,
    block,
    mark,
    view,
    unpadded,
    isReadOnce,
    fixedKernel: fixed ? fixedKernels(tape, block) : () => undefined,
    padded(value, source, pads) {
      paddings.set(value, { source, pads })
      return value
    },
    isBlocked: (value) => blocked.has(value),
    toBlocks: (value) => (blocked.has(value) ? value : mark(tape.op('ReorderInput', [value], {}))),
    toPlain,
  }
}

/** A value in blocks as [N·C/b, H, W, b], to be worked on by operators that know nothing of blocks. */
export function asPixels({ tape, block }: Layouts, value: Value): Value {
  const [n = 0, c = 0, h = 0, w = 0] = sizes(value)
  return reshape(tape, value, [(n * c) / block, h, w, block])
}

/** The way back from `asPixels`. */
export function fromPixels({ tape, mark }: Layouts, pixels: Value, [n, c]: readonly [number, number]): Value {
  const [, h = 0, w = 0] = sizes(pixels)
  return mark(reshape(tape, pixels, [n, c, h, w]))
}
