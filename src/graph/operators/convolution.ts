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
import { flipSpatial, insertZeros, mul, reshape, sumOver, transpose } from './steps.ts'
import { weightGradient } from './weight-gradient.ts'

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
    B({ tape, dy }) {
      const { value, factor } = unscaled(tape, dy)
      const sum = sumOver(tape, value, [0, 2, 3])
      return factor ? mul(tape, sum, factor) : sum
    },
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

function convAttributes({ strides, pads, dilations, group }: ConvAttributes): ConvAttributes {
  return { strides, pads, dilations, group }
}

function sizes4(shape: readonly (number | null)[]): [number, number, number, number] {
  const [a, b, c, d] = shape
  if (shape.length !== 4 || a == null || b == null || c == null || d == null) throw new Error('W must have 4 known axes')
  return [a, b, c, d]
}
