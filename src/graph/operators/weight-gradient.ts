/** @file The gradient of a convolution's kernel: dL/dW[o,c,k] = Σ_{n,p} dy[n,o,p] · x[n,c, s·p + d·k − pad], as products over all pixels. */
import type { Tape } from '../tape.ts'
import type { Value } from '../graph.ts'
import type { ConvAttributes } from './signatures.ts'
import { sizes } from './shapes.ts'
import { padSpatial, reshape, sliceSpatial, sumOver, transpose } from './steps.ts'

/** What the gradient is made from. */
export interface KernelProducts {
  readonly x: Value
  readonly dy: Value
  /** Shape of the kernel: O, C/group, kh, kw. */
  readonly kernel: readonly number[]
  readonly attributes: ConvAttributes
}

/** The cheapest of four equal forms. */
export function weightGradient(tape: Tape, products: KernelProducts): Value {
  const { group } = products.attributes
  const [, perGroup = 0] = products.kernel
  if (group > 1 && perGroup === 1) return depthwiseWeightGradient(tape, products)
  if (group === 1 && perGroup <= 4) return gatheredWeightGradient(tape, products)
  return group === 1 && isLate(products) ? jointWeightGradient(tape, products) : groupedWeightGradient(tape, products)
}

/** Where a product for each photo would write about as many numbers as it reads. */
function isLate({ dy, kernel: [o = 0, c = 0] }: KernelProducts): boolean {
  const [, , ho = 0, wo = 0] = sizes(dy)
  return 4 * o * c >= (o + c) * ho * wo
}

/** dy·x_kᵀ over all pixels of all photos at once, for which channels come before photos. */
function jointWeightGradient(tape: Tape, { x, dy, kernel, attributes }: KernelProducts): Value {
  const [o = 0, c = 0, kh = 0, kw = 0] = kernel
  const byChannel = (value: Value): Value => transpose(tape, value, [1, 0, 2, 3])
  const parts = pairs(tape, { x, dy, kernel, attributes }, byChannel).map(([window, part]) => {
    const [, n = 0, ho = 0, wo = 0] = sizes(part)
    const [rows, columns] = [reshape(tape, part, [o, n * ho * wo]), reshape(tape, window, [c, n * ho * wo])]
    return reshape(tape, tape.op('FusedMatMul', [rows, columns], { alpha: 1, transA: 0, transB: 1 }), [o, c, 1])
  })
  return reshape(tape, parts.length === 1 ? parts[0]! : tape.op('Concat', parts, { axis: 2 }), [o, c, kh, kw])
}

/** Σ_n dy[n] · x_k[n]ᵀ, one batched product for each kernel position k. */
function groupedWeightGradient(tape: Tape, { x, dy, kernel, attributes }: KernelProducts): Value {
  const [o = 0, perGroup = 0, kh = 0, kw = 0] = kernel
  const { group } = attributes
  const [n = 0, , ho = 0, wo = 0] = sizes(dy)
  const parts = pairs(tape, { x, dy, kernel, attributes }).map(([window, part]) => {
    const outgoing = reshape(tape, part, [n, group, o / group, ho * wo])
    const incoming = reshape(tape, window, [n, group, perGroup, ho * wo])
    return reshape(tape, productsOfPhotos(tape, outgoing, incoming), [o, perGroup, 1])
  })
  return reshape(tape, parts.length === 1 ? parts[0]! : tape.op('Concat', parts, { axis: 2 }), [o, perGroup, kh, kw])
}

/** Σ_n a[n] · b[n]ᵀ. The engine packs the second factor, so that the smaller one comes second. */
function productsOfPhotos(tape: Tape, a: Value, b: Value): Value {
  const [rows = 0, columns = 0] = [a, b].map((value) => sizes(value).at(-2))
  const product = (first: Value, second: Value): Value =>
    sumOver(tape, tape.op('FusedMatMul', [first, second], { alpha: 1, transA: 0, transB: 1 }), [0])
  if (rows >= columns) return product(a, b)
  const turned = product(b, a)
  const axes = turned.shape.map((_, axis) => axis)
  return transpose(tape, turned, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!])
}

/**
 * Few input channels (a stem): all kernel positions are gathered into one wide product. With channels as photos of their own a position is copied out of
 * kh·kw numbers instead of c·kh·kw; what fills up the blocks is more then, so that small kernels are better off together.
 */
function gatheredWeightGradient(tape: Tape, { x, dy, kernel, attributes }: KernelProducts): Value {
  const [o = 0, c = 0, kh = 0, kw = 0] = kernel
  const [n = 0, , ho = 0, wo = 0] = sizes(dy)
  const [, , h = 0, w = 0] = sizes(x)
  const cost = (channels: number): number => (c / channels) * filled(channels * kh * kw) * (channels * kh * kw + o)
  const together = cost(1) < cost(c) ? 1 : c
  const planes = together === c ? x : reshape(tape, x, [n * c, 1, h, w])
  const taps = together * kh * kw
  const gathered = gather(tape, planes, { kernel: [o, together, kh, kw], attributes })
  const columns = reshape(tape, gathered, [n, (c / together) * filled(taps), ho * wo])
  const byPlane = reshape(tape, productsOfPhotos(tape, reshape(tape, dy, [n, o, ho * wo]), columns), [o, c / together, filled(taps)])
  const cut = [[0], [taps], [2], [1]].map((integers) => tape.integers(integers))
  return reshape(tape, tape.op('Slice', [byPlane, ...cut], {}), [o, c, kh, kw])
}

/** Channels of a gathered value are a multiple of this, so that the convolution runs on the engine's blocks. */
const GATHERED = 32

const filled = (taps: number): number => Math.ceil(taps / GATHERED) * GATHERED

/** A convolution with one outgoing channel per input channel and kernel position, which copies it: the fastest strided gather. */
function gather(
  tape: Tape,
  x: Value,
  { kernel: [, c = 0, kh = 0, kw = 0], attributes }: Pick<KernelProducts, 'kernel' | 'attributes'>,
): Value {
  const taps = c * kh * kw
  const channels = filled(taps)
  const copies = new Float32Array(channels * taps)
  for (let tap = 0; tap < taps; tap++) copies[tap * taps + tap] = 1
  return tape.op('Conv', [x, tape.number([...copies], [channels, c, kh, kw])], attributes)
}

/** One convolution whose filter is the whole of dy, each photo on its own: dW[c·m] = Σ_n x[n,c] ⋆ dy[n,c·m], stride and dilation exchanged. */
function depthwiseWeightGradient(tape: Tape, { x, dy, kernel, attributes }: KernelProducts): Value {
  const [o = 0, , kh = 0, kw = 0] = kernel
  const [n = 0, c = 0, h = 0, w = 0] = sizes(x)
  const [, , ho = 0, wo = 0] = sizes(dy)
  const { strides, dilations, pads } = attributes
  const planes = reshape(tape, x, [1, n * c, h, w])
  const filters = reshape(tape, dy, [n * o, 1, ho, wo])
  const whole = tape.op('Conv', [planes, filters], { strides: dilations, dilations: strides, pads, group: n * c })
  const [, , height, width] = sizes(whole)
  const cut = height === kh && width === kw ? whole : sliceSpatial(tape, whole, { from: [0, 0], to: [kh, kw], step: [1, 1] })
  return reshape(tape, sumOver(tape, reshape(tape, cut, [n, o, kh, kw]), [0]), [o, 1, kh, kw])
}

/** For each kernel position k, x_k and dy, both as large as the output and in the wanted order of axes. */
function pairs(
  tape: Tape,
  { x, dy, kernel, attributes }: KernelProducts,
  ordered = (value: Value): Value => value,
): (readonly [Value, Value])[] {
  const [, , kh = 0, kw = 0] = kernel
  const { strides, pads, dilations } = attributes
  const [, , ho = 0, wo = 0] = sizes(dy)
  const steps = (count: number, axis: 0 | 1): number[] => Array.from({ length: count }, (_, i) => i * dilations[axis]!)
  const isSame = strides.every((s) => s === 1) && ho === sizes(x)[2] && wo === sizes(x)[3]
  if (isSame) {
    // Zeros come in where a window leaves the picture. Rows move in dy, so that each is moved once.
    const columns = steps(kw, 1).map((at) => movedColumns(tape, ordered(x), at - pads[1]!))
    const rows = steps(kh, 0).map((at) => movedRows(tape, ordered(dy), pads[0]! - at))
    return rows.flatMap((part) => columns.map((window) => [window, part] as const))
  }
  const padded = padSpatial(tape, x, pads)
  return steps(kh, 0).flatMap((top) =>
    steps(kw, 1).map((left) => {
      const to = [top + (ho - 1) * strides[0]! + 1, left + (wo - 1) * strides[1]! + 1]
      // Windows with steps are smaller than x and come from its blocks, so that they change order one by one.
      return [ordered(cut(tape, padded, { from: [top, left], to, step: strides })), ordered(dy)] as const
    }),
  )
}

function cut(tape: Tape, value: Value, window: { from: readonly number[]; to: readonly number[]; step: readonly number[] }): Value {
  const [, , h, w] = sizes(value)
  const isAll = window.from.every((at) => at === 0) && window.to[0] === h && window.to[1] === w && window.step.every((s) => s === 1)
  return isAll ? value : sliceSpatial(tape, value, window)
}

/** x[…, column + by]. A product with a matrix of one diagonal moves all rows on all threads; 1·x + 0 is exact. */
function movedColumns(tape: Tape, x: Value, by: number): Value {
  if (by === 0) return x
  const [a = 0, b = 0, h = 0, w = 0] = sizes(x)
  const matrix = new Float32Array(w * w)
  for (let column = Math.max(0, -by); column < Math.min(w, w - by); column++) matrix[(column + by) * w + column] = 1
  return reshape(tape, tape.op('MatMul', [reshape(tape, x, [a * b * h, w]), tape.number([...matrix], [w, w])], {}), [a, b, h, w])
}

/** x[…, row + by, :] */
function movedRows(tape: Tape, x: Value, by: number): Value {
  const h = sizes(x)[2] ?? 0
  const top = Math.max(-h, Math.min(h, -by))
  return padSpatial(tape, x, [top, 0, -top, 0])
}
