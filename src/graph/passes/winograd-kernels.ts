/** @file G g Gᵀ of Winograd's convolution for all pairs of channels. */
import type { Shape } from '../../tensor/index.ts'
import type { PartReader, Value } from '../graph.ts'
import { sizes } from '../operators/shapes.ts'
import type { Tape } from '../tape.ts'

export interface KernelSource {
  /** [O,C,3,3] */
  readonly kernel: Value
  readonly numbers: () => PartReader
  readonly name: string
}

const COUNT = 16

/** The kernel [O,C,1,1] of each of the 16 products; computed when the graph is compiled, all together. */
export function winogradKernels(tape: Tape, { kernel, numbers, name }: KernelSource): (r: number, s: number) => Value {
  const [o = 0, c = 0] = sizes(kernel)
  const shape: Shape = [o, c, 1, 1]
  let made: Float32Array | undefined
  let asked = 0
  const part = (index: number): Float32Array => {
    made ??= transformed(numbers(), o * c)
    const found = made.subarray(index * o * c, (index + 1) * o * c)
    // Nothing is kept beside the graph once all are given.
    if (++asked % COUNT === 0) made = undefined
    return found
  }
  return (r, s) =>
    tape.parameter(`${name}/kernel_${r}${s}`, { shape, dtype: 'float32' }, () => ({ data: part(4 * r + s), shape, dtype: 'float32' }))
}

/**
 * Kernels that are worked on at once: their numbers stay in the cache, and no power of two, so that they do not lie in each other's way: 80 ns a
 * kernel instead of 160, and there are millions of kernels.
 */
const TOGETHER = 1000

/** G g Gᵀ of all kernels, the 16 numbers one after the other; computed in float64 and rounded once. */
function transformed(read: PartReader, count: number): Float32Array {
  const made = new Float32Array(COUNT * count)
  const some = new Float32Array(COUNT * TOGETHER)
  const room = new Float32Array(9 * TOGETHER)
  for (let from = 0; from < count; from += TOGETHER) {
    const size = Math.min(TOGETHER, count - from)
    const kernels = read(9 * from, room.subarray(0, 9 * size))
    for (let i = 0, k = 0; i < size; i++, k += 9) spread(some, i, kernels, k)
    for (let n = 0; n < COUNT; n++) made.set(some.subarray(n * TOGETHER, n * TOGETHER + size), n * count + from)
  }
  return made
}

/** One kernel: its rows times Gᵀ, and each of the four columns that they make times G. */
function spread(into: Float32Array, at: number, kernels: Float32Array, k: number): void {
  const [a, b, c] = [kernels[k]!, kernels[k + 3]!, kernels[k + 6]!]
  const [x, y, z] = [kernels[k + 2]!, kernels[k + 5]!, kernels[k + 8]!]
  const [p, q, r] = [kernels[k + 1]! / 2, kernels[k + 4]! / 2, kernels[k + 7]! / 2]
  column(into, at, { top: a, middle: b, bottom: c })
  column(into, at + TOGETHER, { top: (a + x) / 2 + p, middle: (b + y) / 2 + q, bottom: (c + z) / 2 + r })
  column(into, at + 2 * TOGETHER, { top: (a + x) / 2 - p, middle: (b + y) / 2 - q, bottom: (c + z) / 2 - r })
  column(into, at + 3 * TOGETHER, { top: x, middle: y, bottom: z })
}

interface Column {
  readonly top: number
  readonly middle: number
  readonly bottom: number
}

/** G times a column. */
function column(into: Float32Array, at: number, { top, middle, bottom }: Column): void {
  into[at] = top
  into[at + 4 * TOGETHER] = (top + bottom) / 2 + middle / 2
  into[at + 8 * TOGETHER] = (top + bottom) / 2 - middle / 2
  into[at + 12 * TOGETHER] = bottom
}
