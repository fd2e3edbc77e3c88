/**
 * @file Convolution, X [N,C,H,W] with W [O,C/group,kh,kw], and its adjoint.
 *
 *   y[n,o,p] = b[o] + Σ_{c,k} W[o,c,k] · x[n,c, s·p + d·k − pad]
 */
import type { Tape } from '../tape.ts'
import type { Value } from '../graph.ts'
import type { GradientContext, Operator } from './operator.ts'
import type { ConvAttributes } from './signatures.ts'
import { factorOf } from './normalization.ts'
import { input, ranked, sizes, windowed } from './shapes.ts'
import { flipSpatial, insertZeros, mul, padSpatial, reshape, sliceSpatial, sumOver, transpose } from './steps.ts'

export const Conv: Operator<'Conv'> = {
  inputs: ['X', 'W', 'B'],
  attributes: { strides: 'ints', pads: 'ints', dilations: 'ints', group: 'int' },
  shape(context) {
    const [n, c, h, w] = ranked(input(context, 0), 4, 'X')
    const [o, perGroup, kh, kw] = sizes4(input(context, 1).shape)
    const { strides, pads, dilations, group } = context.attributes
    if (c !== perGroup * group) throw new Error(`X has ${c} channels, W expects ${perGroup * group}`)
    if (o % group !== 0) throw new Error(`${o} output channels are not a multiple of group ${group}`)
    const bias = context.inputs[2]
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== o)) throw new Error(`B must have shape [${o}]`)
    const out = ([h, w] as const).map((size, i) =>
      windowed(size ?? null, { kernel: [kh, kw][i]!, stride: strides[i]!, dilation: dilations[i]!, before: pads[i]!, after: pads[i + 2]! }),
    )
    return [{ shape: [n ?? null, o, ...out], dtype: input(context, 0).dtype }]
  },
  gradient: {
    // dL/dx[n,c,q] = Σ_{o,k} W[o,c,k] · dy[n,o,p] where s·p + d·k − pad = q: the adjoint of the convolution.
    X({ tape, inputs: [x, w], attributes, dy }) {
      const { value, factor } = unscaled(tape, dy)
      return inputGradient(tape, { dy: value, w: scaledRows(tape, w!, factor), attributes, size: sizes(x!).slice(2) })
    },
    // dL/dW[o,c,k] = Σ_{n,p} dy[n,o,p] · x[n,c, s·p + d·k − pad]: one product per position k of the kernel.
    W({ tape, inputs: [x, w], attributes, dy }) {
      const { value, factor } = unscaled(tape, dy)
      return scaledRows(tape, weightGradient(tape, { x: x!, dy: value, kernel: sizes(w!), attributes }), factor)
    },
    // dL/db[o] = Σ_{n,p} dy[n,o,p]
    B: ({ tape, dy }) => sumOver(tape, dy, [0, 2, 3]),
  },
}

export const ConvTranspose: Operator<'ConvTranspose'> = {
  inputs: ['X', 'W'],
  attributes: { strides: 'ints', pads: 'ints', dilations: 'ints', group: 'int', output_padding: 'ints' },
  shape(context) {
    const [n, c, h, w] = ranked(input(context, 0), 4, 'X')
    const [cIn, perGroup, kh, kw] = sizes4(input(context, 1).shape)
    if (c !== cIn) throw new Error(`X has ${c} channels, W expects ${cIn}`)
    const { strides, pads, dilations, group, output_padding } = context.attributes
    const out = ([h, w] as const).map((size, i) =>
      size == null
        ? null
        : (size - 1) * strides[i]! + dilations[i]! * ([kh, kw][i]! - 1) + 1 - pads[i]! - pads[i + 2]! + output_padding[i]!,
    )
    return [{ shape: [n ?? null, perGroup * group, ...out], dtype: input(context, 0).dtype }]
  },
  gradient: {
    // ConvTranspose is the adjoint of Conv, so its own adjoint is Conv with the same kernel.
    X: ({ tape, inputs: [, w], attributes, dy }) => tape.op('Conv', [dy, w!], convAttributes(attributes)),
    // ⟨Conv(dy), x⟩ = ⟨dy, ConvTranspose(x)⟩: the kernel's gradient is Conv's with the roles of x and dy exchanged.
    W: ({ tape, inputs: [x, w], attributes, dy }: GradientContext<'ConvTranspose'>) =>
      weightGradient(tape, { x: dy, dy: x!, kernel: sizes(w!), attributes: convAttributes(attributes) }),
  },
}

/** Where dy = a·v per channel, as behind a batch normalization, a goes to the kernel's side, which is small: dW = a·dW(v), dx = dx(v, a·W). */
function unscaled(tape: Tape, dy: Value): { value: Value; factor?: Value } {
  return factorOf(tape, dy) ?? { value: dy }
}

/** Each outgoing channel's part of a kernel by its factor. */
function scaledRows(tape: Tape, kernel: Value, factor: Value | undefined): Value {
  return factor ? mul(tape, kernel, reshape(tape, factor, [sizes(kernel)[0]!, 1, 1, 1])) : kernel
}

interface Adjoint {
  readonly dy: Value
  readonly w: Value
  readonly attributes: ConvAttributes
  /** Height and width of the convolution's input. */
  readonly size: readonly number[]
}

/** The cheapest of three equal forms: products for 1×1 kernels, a flipped stride-1 convolution, or ConvTranspose. */
function inputGradient(tape: Tape, adjoint: Adjoint): Value {
  const { dy, w, attributes, size } = adjoint
  const { strides, pads, dilations, group } = attributes
  const [o, perGroup, kh, kw] = sizes4(w.shape)
  const depthwise = group > 1 && perGroup === 1
  const plain = { strides: [1, 1], dilations, group }
  if (kh === 1 && kw === 1 && group === 1 && pads.every((pad) => pad === 0)) {
    const small = tape.op('Conv', [dy, transpose(tape, w, [1, 0, 2, 3])], { ...plain, pads: [0, 0, 0, 0] })
    return insertZeros(tape, small, strides, size)
  }
  const spread = [0, 1].map((i) => (sizes(dy)[i + 2]! - 1) * strides[i]! + 1)
  const reach = [0, 1].map((i) => dilations[i]! * ([kh, kw][i]! - 1))
  const before = [0, 1].map((i) => reach[i]! - pads[i]!)
  const after = [0, 1].map((i) => size[i]! - spread[i]! + reach[i]! - before[i]!)
  const strided = strides.some((stride) => stride > 1)
  if ((depthwise || (group === 1 && !strided)) && [...before, ...after].every((pad) => pad >= 0)) {
    const flipped = flipSpatial(tape, w)
    const kernel = depthwise ? reshape(tape, flipped, [group, o / group, kh, kw]) : transpose(tape, flipped, [1, 0, 2, 3])
    return tape.op('Conv', [insertZeros(tape, dy, strides, spread), kernel], { ...plain, pads: [...before, ...after] })
  }
  const output_padding = [0, 1].map((i) => size[i]! - (spread[i]! + reach[i]! - pads[i]! - pads[i + 2]!))
  return tape.op('ConvTranspose', [dy, w], { strides, pads, dilations, group, output_padding })
}

interface KernelProducts {
  readonly x: Value
  readonly dy: Value
  /** Shape of the kernel: O, C/group, kh, kw. */
  readonly kernel: readonly number[]
  readonly attributes: ConvAttributes
}

function weightGradient(tape: Tape, products: KernelProducts): Value {
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
  const [n = 0, , ho = 0, wo = 0] = sizes(dy)
  const byChannel = (value: Value): Value => transpose(tape, value, [1, 0, 2, 3])
  const rows = reshape(tape, byChannel(dy), [o, n * ho * wo])
  const parts = windows(tape, { x: byChannel(x), dy, kernel, attributes }).map((window) => {
    const columns = reshape(tape, window, [c, n * ho * wo])
    return reshape(tape, tape.op('FusedMatMul', [rows, columns], { alpha: 1, transA: 0, transB: 1 }), [o, c, 1])
  })
  return reshape(tape, parts.length === 1 ? parts[0]! : tape.op('Concat', parts, { axis: 2 }), [o, c, kh, kw])
}

/** Σ_n dy[n] · x_k[n]ᵀ, one batched product for each kernel position k. */
function groupedWeightGradient(tape: Tape, { x, dy, kernel, attributes }: KernelProducts): Value {
  const [o = 0, perGroup = 0, kh = 0, kw = 0] = kernel
  const { group } = attributes
  const [n = 0, , ho = 0, wo = 0] = sizes(dy)
  const rows = reshape(tape, dy, [n, group, o / group, ho * wo])
  const parts = windows(tape, { x, dy, kernel, attributes }).map((window) => {
    const columns = reshape(tape, window, [n, group, perGroup, ho * wo])
    const perPhoto = tape.op('FusedMatMul', [rows, columns], { alpha: 1, transA: 0, transB: 1 })
    return reshape(tape, sumOver(tape, perPhoto, [0]), [o, perGroup, 1])
  })
  return reshape(tape, parts.length === 1 ? parts[0]! : tape.op('Concat', parts, { axis: 2 }), [o, perGroup, kh, kw])
}

/** Few input channels (a stem): all kernel positions are gathered into one wide product. */
function gatheredWeightGradient(tape: Tape, products: KernelProducts): Value {
  const [o = 0, c = 0, kh = 0, kw = 0] = products.kernel
  const { dy } = products
  const [n = 0, , ho = 0, wo = 0] = sizes(dy)
  const taps = kh * kw * c
  const isFew = taps <= FEW_TAPS
  const gathered = isFew ? gatheredByConv(tape, products) : tape.op('Concat', windows(tape, products), { axis: 1 })
  const columns = reshape(tape, gathered, [n, sizes(gathered)[1]!, ho * wo])
  const perPhoto = tape.op('FusedMatMul', [reshape(tape, dy, [n, o, ho * wo]), columns], { alpha: 1, transA: 0, transB: 1 })
  const sum = sumOver(tape, perPhoto, [0])
  if (isFew) return reshape(tape, tape.op('Slice', [sum, ...[[0], [taps], [1], [1]].map((of) => tape.integers(of))], {}), [o, c, kh, kw])
  return reshape(tape, transpose(tape, reshape(tape, sum, [o, kh * kw, c]), [0, 2, 1]), [o, c, kh, kw])
}

/** So many input numbers of one output are gathered by a convolution. */
const FEW_TAPS = 32

/** A convolution with one outgoing channel per kernel position and input channel, which copies it: the fastest strided gather. */
function gatheredByConv(tape: Tape, { x, kernel: [, c = 0, kh = 0, kw = 0], attributes }: KernelProducts): Value {
  const taps = c * kh * kw
  const channels = Math.ceil(taps / FEW_TAPS) * FEW_TAPS
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

/** For each kernel position, the part of the padded input that it meets, as large as the output. */
function windows(tape: Tape, { x, dy, kernel, attributes }: KernelProducts): Value[] {
  const [, , kh = 0, kw = 0] = kernel
  const { strides, pads, dilations } = attributes
  const [, , ho = 0, wo = 0] = sizes(dy)
  const padded = padSpatial(tape, x, pads)
  const [, , h, w] = sizes(padded)
  const result: Value[] = []
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      const from = [i * dilations[0]!, j * dilations[1]!]
      const to = [from[0]! + (ho - 1) * strides[0]! + 1, from[1]! + (wo - 1) * strides[1]! + 1]
      const all = from[0] === 0 && from[1] === 0 && to[0] === h && to[1] === w && strides.every((s) => s === 1)
      result.push(all ? padded : sliceSpatial(tape, padded, { from, to, step: strides }))
    }
  }
  return result
}

function convAttributes({ strides, pads, dilations, group }: ConvAttributes): ConvAttributes {
  return { strides, pads, dilations, group }
}

function sizes4(shape: readonly (number | null)[]): [number, number, number, number] {
  const [a, b, c, d] = shape
  if (shape.length !== 4 || a == null || b == null || c == null || d == null) throw new Error('W must have 4 known axes')
  return [a, b, c, d]
}
