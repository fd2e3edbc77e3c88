/** @file Kernels that stay as they are, put into the order of blocks when the graph is compiled, so that a network's weights lie there once more and no more. */
import { sizeOf, type Shape, type Tensor } from '../../../tensor/index.ts'
import type { PartReader, Value } from '../../graph.ts'
import { sizes } from '../../operators/shapes.ts'
import type { Tape } from '../../tape.ts'
import { PART } from '../../parts.ts'
import { isWeight, partsOf } from '../floats.ts'

/** What `blockedKernel` and `blockedDepthwiseKernel` give, of a weight: [O/b, C/b, kh, kw, b of C, b of O], or [O/b, C, kh, kw, b of O] where C is smaller than a block. */
export function fixedKernels(tape: Tape, block: number): (kernel: Value) => Value | undefined {
  const known = new Map<Value, Value>()
  return (kernel) => {
    const found = known.get(kernel)
    if (found || !isWeight(tape, kernel)) return found
    const shape: Shape = sizes(kernel)
    const write = (into: Float32Array): void => {
      writeInBlocks(partsOf(tape, kernel), into, { shape, block })
    }
    const made = (): Tensor => {
      const data = new Float32Array(sizeOf(shape))
      write(data)
      return { data, shape, dtype: 'float32' }
    }
    const value = tape.parameter(`${kernel.name}/blocks`, { shape, dtype: 'float32' }, made, { write })
    known.set(kernel, value)
    return value
  }
}

interface Order {
  readonly shape: Shape
  readonly block: number
}

/** Weights of a few outgoing channels at a time. */
function writeInBlocks(read: PartReader, into: Float32Array, order: Order): void {
  const [o = 0, ...each] = order.shape
  const width = sizeOf(each)
  const together = Math.min(o, Math.ceil(PART / width))
  const room = new Float32Array(together * width)
  for (let first = 0; first < o; first += together) {
    const numbers = read(first * width, room.subarray(0, (o - first) * width))
    for (let i = 0; i * width < numbers.length; i++)
      writeChannel(numbers.subarray(i * width, (i + 1) * width), into, { ...order, out: first + i })
  }
}

function writeChannel(numbers: Float32Array, into: Float32Array, { shape, block, out }: Order & { readonly out: number }): void {
  const [, c = 0, kh = 0, kw = 0] = shape
  const pixels = kh * kw
  const incoming = c % block === 0 ? block : 1
  const start = (out - (out % block)) * c * pixels + (out % block)
  for (let first = 0, from = 0; first < c; first += incoming) {
    for (let channel = 0; channel < incoming; channel++) {
      let to = start + (first * pixels + channel) * block
      for (const end = from + pixels; from < end; from++, to += incoming * block) into[to] = numbers[from]!
    }
  }
}
