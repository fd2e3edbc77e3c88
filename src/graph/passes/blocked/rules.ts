/** @file What each operator becomes on blocks. Operators without a row here, and rows that give nothing, get their inputs in plain order. */
import { sameShape } from '../../../tensor/index.ts'
import type { Node, Value } from '../../graph.ts'
import type { ActivationAttributes, Attributes, OpName } from '../../operators/signatures.ts'
import { numbersOf, sizes } from '../../operators/shapes.ts'
import { add, div, mul, neg, reshape, scale, sqrt, sub } from '../../operators/steps.ts'
import { maker } from '../rewrite.ts'
import { insertsZeros } from '../zero-insertion.ts'
import { blockedDepthwiseKernel, blockedKernel } from './kernels.ts'
import { asPixels, fits, fromPixels, type Layouts } from './layouts.ts'
import { channelDot, channelMean } from './sums.ts'

/** What stands for the node's first output, marked where it lies in blocks; undefined for the node as it was. */
export type Rule<K extends OpName> = (layouts: Layouts, node: Node<K>, inputs: readonly (Value | null)[]) => Value | undefined

const pointwise = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] } as const

export const rules: { readonly [K in OpName]?: Rule<K> } = {
  Conv: convolution,
  BatchNormalization: normalization,
  Relu: (layouts, node, inputs) => activated(layouts, inputs[0]!, { activation: 'Relu' }) ?? elementwise(layouts, node, inputs),
  Clip: clip,
  HardSigmoid: elementwise,
  Neg: elementwise,
  Add: (layouts, node, inputs) =>
    summed(layouts, inputs) ??
    elementwise(layouts, node, inputs) ??
    perChannel(layouts, inputs, (_, v) => [layouts.tape.number(1, sizes(v)), v]),
  Sub: (layouts, node, inputs) =>
    elementwise(layouts, node, inputs) ?? perChannel(layouts, inputs, (tape, v) => [layouts.tape.number(1, sizes(v)), neg(tape, v)]),
  Mul: (layouts, node, inputs) =>
    between(layouts, inputs) ??
    elementwise(layouts, node, inputs) ??
    perChannel(layouts, inputs, (_, v) => [v, layouts.tape.number(0, sizes(v))]) ??
    perChannel(layouts, [inputs[1]!, inputs[0]!], (_, v) => [v, layouts.tape.number(0, sizes(v))]),
  ReduceMean: (layouts, node, inputs) => reduction(layouts, node, inputs, 'ReduceMean'),
  ReduceSum: (layouts, node, inputs) => reduction(layouts, node, inputs, 'ReduceSum'),
  Reshape: reshaped,
  Transpose: transposed,
  Concat: concatenation,
  Slice: slice,
  Pad: padding,
  ConvTranspose: insertedZeros,
  AveragePool: averagePool,
}

function convolution(layouts: Layouts, { attributes }: Node<'Conv'>, [x, w, b]: readonly (Value | null)[]): Value | undefined {
  const { tape, block, mark, isBlocked, toBlocks, toPlain } = layouts
  if (!x || !w || attributes.pads.some((pad) => pad < 0)) return undefined
  const [, c = 0] = sizes(x)
  const [o = 0] = sizes(w)
  const conv = (from: Value, kernel: Value): Value => {
    const { source, pads } = layouts.unpadded(from)
    const all = attributes.pads.map((pad, i) => pad + pads[i]!)
    return mark(tape.op('BlockedConv', [source, kernel, b ?? null], { ...attributes, pads: all }))
  }
  if (o % block !== 0) return undefined
  if (attributes.group === 1 && c < block) return conv(toPlain(x), blockedKernel(tape, toPlain(w), block))
  if (c % block !== 0) return undefined
  if (attributes.group === 1) return conv(toBlocks(x), blockedKernel(tape, toPlain(w), block))
  if (attributes.group !== c || c !== o) return undefined
  return conv(toBlocks(x), isBlocked(w) ? w : blockedDepthwiseKernel(tape, w))
}

/** act(slope·x + offset + sum) per channel, as a depthwise convolution by one pixel: all of it in one pass. */
function affine(
  { tape, mark }: Layouts,
  x: Value,
  [slope, offset]: readonly [Value, Value],
  { sum, ...act }: ActivationAttributes & { readonly sum?: Value } = {},
): Value {
  const [, c = 0] = sizes(x)
  const inputs = [x, reshape(tape, slope, [c, 1, 1, 1]), offset, ...(sum ? [sum] : [])]
  return mark(tape.op('BlockedConv', inputs, { ...pointwise, group: c, ...act }))
}

function normalization(layouts: Layouts, { attributes }: Node<'BatchNormalization'>, inputs: readonly (Value | null)[]): Value | undefined {
  const { tape, isBlocked } = layouts
  const [x, gamma, beta, mean, variance] = inputs as readonly [Value, Value, Value, Value, Value]
  if (attributes.training_mode || !isBlocked(x)) return undefined
  const all = (value: Value, wanted: number): boolean => {
    const constant = tape.constants.get(value)
    return constant !== undefined && numbersOf(constant).every((number) => number === wanted)
  }
  const isPlain = attributes.epsilon === 0 && all(variance, 1)
  const slope = isPlain ? gamma : div(tape, gamma, sqrt(tape, add(tape, variance, tape.number(attributes.epsilon))))
  return affine(layouts, x, [slope, all(mean, 0) ? beta : sub(tape, beta, mul(tape, mean, slope))])
}

/** The convolution that makes a value and that nobody else reads can do what follows in the same pass. */
function openConv({ tape, isBlocked, isReadOnce }: Layouts, value: Value): Node<'BlockedConv'> | undefined {
  if (!isBlocked(value) || !isReadOnce(value)) return undefined
  const node = maker(tape, value) as Node<'BlockedConv'> | undefined
  return node?.op === 'BlockedConv' && node.attributes.activation === undefined ? node : undefined
}

function activated(layouts: Layouts, x: Value, act: Partial<Attributes['BlockedConv']>): Value | undefined {
  const conv = openConv(layouts, x)
  return conv && layouts.mark(layouts.tape.op('BlockedConv', conv.inputs, { ...conv.attributes, ...act }, conv.name))
}

function clip(layouts: Layouts, node: Node<'Clip'>, inputs: readonly (Value | null)[]): Value | undefined {
  const bounds = inputs.slice(1).map((bound) => (bound ? layouts.tape.constants.get(bound) : undefined))
  const [low, high] = bounds.map((bound) => bound && numbersOf(bound)[0])
  const params = low !== undefined && high !== undefined ? [low, high] : undefined
  const fused = params && activated(layouts, inputs[0]!, { activation: 'Clip', activation_params: params })
  return fused ?? elementwise(layouts, node, inputs)
}

function summed(layouts: Layouts, [a, b]: readonly (Value | null)[]): Value | undefined {
  const { tape, mark, toBlocks, block } = layouts
  if (!a || !b || a === b || !sameShape(a.shape, b.shape) || !fits(a, block)) return undefined
  for (const [from, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const conv = openConv(layouts, from)
    const [x, w, bias, sum] = conv?.inputs ?? []
    if (conv && x && w && !sum) return mark(tape.op('BlockedConv', [x, w, bias ?? null, toBlocks(other)], conv.attributes, conv.name))
  }
  return undefined
}

/** One shape, or a single number: the order of the numbers does not matter. */
function elementwise<K extends OpName>(layouts: Layouts, node: Node<K>, inputs: readonly (Value | null)[]): Value | undefined {
  const { tape, block, isBlocked, toBlocks, mark } = layouts
  const first = inputs.find((value) => value && isBlocked(value))
  if (!first) return undefined
  const isSingle = (value: Value): boolean => value.shape.every((size) => size === 1)
  const all = inputs.filter((value): value is Value => value !== null)
  if (!all.every((value) => isSingle(value) || (sameShape(value.shape, first.shape) && fits(value, block)))) return undefined
  const ready = inputs.map((value) => (value && !isSingle(value) ? toBlocks(value) : value))
  return mark(tape.op(node.op, ready, node.attributes, node.name))
}

/**
 * 1[0 < y < high], a product of two steps, in two passes instead of three: t = 0 where y > 0 and else far below zero; then clip(s·(high − y) + t, 0, 1),
 * where s·(high − y) is at least 1 for every y below high. Both are exact.
 */
function between(layouts: Layouts, [a, b]: readonly (Value | null)[]): Value | undefined {
  const { tape, isBlocked } = layouts
  const [rising, falling] = [a, b].map((value) => (value ? (maker(tape, value) as Node<'HardSigmoid'> | undefined) : undefined))
  const y = rising?.inputs[0]
  if (rising?.op !== 'HardSigmoid' || falling?.op !== 'HardSigmoid' || !y || y !== falling.inputs[0] || !isBlocked(y)) return undefined
  const high = -falling.attributes.beta / falling.attributes.alpha
  if (rising.attributes.beta !== 0 || rising.attributes.alpha < STEEP || falling.attributes.alpha > -STEEP || !(high >= 1)) return undefined
  const slope = 2 ** (24 - Math.floor(Math.log2(high)))
  const far = 2 ** Math.ceil(Math.log2(high * slope) + 1)
  const [, c = 0] = sizes(y)
  const all = (value: number): Value => tape.number(value, [c])
  const outside = affine(layouts, y, [all(2 ** 126), all(-far)], { activation: 'Clip', activation_params: [-far, 0] })
  return affine(layouts, y, [all(-slope), all(high * slope)], { activation: 'Clip', activation_params: [0, 1], sum: outside })
}

/** From here on a HardSigmoid is a step. */
const STEEP = 2 ** 64

/** A value in blocks and a vector along its channels. */
function perChannel(
  layouts: Layouts,
  [x, vector]: readonly (Value | null)[],
  of: (tape: Layouts['tape'], vector: Value) => readonly [Value, Value],
): Value | undefined {
  if (!x || !vector || !layouts.isBlocked(x)) return undefined
  const [, c = 0] = sizes(x)
  if (vector.shape.length !== 4 || vector.shape.some((size, axis) => size !== (axis === 1 ? c : 1))) return undefined
  return affine(layouts, x, of(layouts.tape, reshape(layouts.tape, vector, [c])))
}

function reduction<K extends 'ReduceMean' | 'ReduceSum'>(
  layouts: Layouts,
  { attributes, outputs }: Node<K>,
  [x, over]: readonly (Value | null)[],
  op: K,
): Value | undefined {
  const { tape, isBlocked } = layouts
  const axes = over && tape.constants.get(over)
  if (!x || !axes || !isBlocked(x)) return undefined
  const shape = sizes(x)
  const wanted = numbersOf(axes).join()
  const counted = wanted === '0,2,3' || wanted === '2,3'
  if (wanted === '0' && op === 'ReduceSum') return overBatch(layouts, x, (attributes as { keepdims: 0 | 1 }).keepdims)
  if (!counted) return undefined
  const [n = 1, , h = 1, w = 1] = shape
  const count = (wanted === '2,3' ? 1 : n) * h * w
  if (wanted === '2,3') {
    const pooled = tape.op('BlockedGlobalAveragePool', [x], {})
    return reshape(tape, op === 'ReduceMean' ? pooled : scale(tape, pooled, count), sizes(outputs[0]!))
  }
  const product = factors(layouts, x)
  const sum = product ? channelDot(layouts, ...product) : channelMean(layouts, x)
  const by = (product ? 1 / count : 1) * (op === 'ReduceSum' ? count : 1)
  return reshape(tape, scale(tape, sum, by), sizes(outputs[0]!))
}

/** a and b of a product a·b that is only summed. */
function factors({ tape, isReadOnce, isBlocked }: Layouts, x: Value): readonly [Value, Value] | undefined {
  const product = isReadOnce(x) ? maker(tape, x) : undefined
  const [a, b] = product?.op === 'Mul' ? product.inputs : []
  return a && b && isBlocked(a) && isBlocked(b) ? [a, b] : undefined
}

/** Σ over the batch, in plain order: small, the gradient of depthwise kernels. */
function overBatch({ tape, block }: Layouts, x: Value, keepdims: 0 | 1): Value | undefined {
  if (keepdims) return undefined
  const [n = 0, c = 0, h = 0, w = 0] = sizes(x)
  const sum = tape.op('ReduceSum', [reshape(tape, x, [n, c * h * w]), tape.integers([0])], { keepdims: 0 })
  const blocks = reshape(tape, sum, [c / block, h * w, block])
  return reshape(tape, tape.op('Transpose', [blocks], { perm: [0, 2, 1] }), [c, h, w])
}

/** Pictures and channels may trade places, since a block never holds channels of two pictures. */
function reshaped(layouts: Layouts, { outputs }: Node<'Reshape'>, [x]: readonly (Value | null)[]): Value | undefined {
  if (!x || !layouts.isBlocked(x) || outputs[0]!.shape.length !== 4) return undefined
  const [n = 0, c = 0, h, w] = sizes(x)
  const [n2 = 0, c2 = 0, h2, w2] = sizes(outputs[0]!)
  if (h !== h2 || w !== w2 || n * c !== n2 * c2) return undefined
  // With one channel it is the filter of a depthwise convolution.
  return c2 === 1 || c2 % layouts.block === 0 ? layouts.view(x, sizes(outputs[0]!)) : undefined
}

/** Channels before photos, in plain order: whole blocks change places, and ReorderOutput takes them apart. */
function transposed(
  { tape, block, isBlocked }: Layouts,
  { attributes }: Node<'Transpose'>,
  [x]: readonly (Value | null)[],
): Value | undefined {
  if (!x || !isBlocked(x) || attributes.perm.join() !== '1,0,2,3') return undefined
  const [n = 0, c = 0, h = 0, w = 0] = sizes(x)
  const blocks = tape.op('Transpose', [reshape(tape, x, [n, c / block, h * w * block])], { perm: [1, 0, 2] })
  const apart = tape.op('ReorderOutput', [reshape(tape, blocks, [c / block, block, n, h * w])], { channels: block })
  return reshape(tape, apart, [c, n, h, w])
}

function concatenation(layouts: Layouts, { attributes }: Node<'Concat'>, inputs: readonly (Value | null)[]): Value | undefined {
  const { tape, block, isBlocked, toBlocks, mark } = layouts
  const all = inputs as readonly Value[]
  if (attributes.axis !== 1 || !all.some(isBlocked) || !all.every((value) => fits(value, block))) return undefined
  return mark(tape.op('Concat', all.map(toBlocks), attributes))
}

/** Whole blocks of channels, or a part of height and width. */
function slice(layouts: Layouts, node: Node<'Slice'>, inputs: readonly (Value | null)[]): Value | undefined {
  const { tape, block, isBlocked, mark } = layouts
  const x = inputs[0]
  if (!x || !isBlocked(x)) return undefined
  const [from, to, axes, by] = inputs.slice(1).map((value) => numbersOf(tape.constants.get(value!)!))
  const [n = 0, c = 0] = sizes(x)
  if (axes?.join() === '1' && [...from!, ...to!].every((at) => at >= 0 && at % block === 0) && by?.join() === '1')
    return mark(tape.op('Slice', inputs, node.attributes))
  if (axes?.join() !== '2,3') return undefined
  const shorter = shorterConv(layouts, x, { from: from!, to: to!, by: by! })
  if (shorter) return shorter
  const cut = tape.op('Slice', [asPixels(layouts, x), inputs[1]!, inputs[2]!, tape.integers([1, 2]), inputs[4]!], {})
  return fromPixels(layouts, cut, [n, c])
}

/** A convolution with less padding, where the part that is cut off lies in the padding's reach. */
function shorterConv(layouts: Layouts, x: Value, { from, to, by }: Record<'from' | 'to' | 'by', number[]>): Value | undefined {
  const conv = openConv(layouts, x)
  const [, , height = 0, width = 0] = sizes(x)
  if (!conv || conv.inputs[3] || by.join() !== '1,1' || conv.attributes.strides.join() !== '1,1' || from.some((at) => at < 0))
    return undefined
  const ends = [height, width].map((size, i) => size - Math.min(to[i]!, size))
  const pads = conv.attributes.pads.map((pad, i) => pad - [...from, ...ends][i]!)
  if (pads.some((pad) => pad < 0)) return undefined
  return layouts.mark(layouts.tape.op('BlockedConv', conv.inputs, { ...conv.attributes, pads }, conv.name))
}

function padding(layouts: Layouts, _node: Node<'Pad'>, [x, pads, value]: readonly (Value | null)[]): Value | undefined {
  const { tape, isBlocked } = layouts
  if (!x || !pads || value || !isBlocked(x)) return undefined
  const [n0, c0, top, left, n1, c1, bottom, right] = numbersOf(tape.constants.get(pads)!)
  if (n0 || c0 || n1 || c1) return undefined
  const [n = 0, c = 0] = sizes(x)
  const padded = tape.op('Pad', [asPixels(layouts, x), tape.integers([0, top!, left!, 0, 0, bottom!, right!, 0]), null], {})
  return layouts.padded(fromPixels(layouts, padded, [n, c]), x, [top!, left!, bottom!, right!])
}

/** Zeros between pixels: each row becomes one row of pairs (pixel, zeros) and then empty rows. */
function insertedZeros(
  layouts: Layouts,
  { attributes, outputs }: Node<'ConvTranspose'>,
  [x, w]: readonly (Value | null)[],
): Value | undefined {
  const { tape, block, isBlocked } = layouts
  if (!x || !w || !isBlocked(x) || !insertsZeros(tape, w, attributes)) return undefined
  const [n = 0, c = 0, h = 0, wide = 0] = sizes(x)
  const [, , height = 0, width = 0] = sizes(outputs[0]!)
  const [sy = 1, sx = 1] = attributes.strides
  const rows = reshape(tape, x, [((n * c) / block) * h, wide, block])
  const spread = tape.op('Pad', [rows, tape.integers([0, 0, 0, 0, wide * (sy - 1), block * (sx - 1)]), null], {})
  const all = reshape(tape, spread, [(n * c) / block, h * sy, wide * sx, block])
  const rest = [0, 0, 0, 0, 0, height - h * sy, width - wide * sx, 0]
  const cut = rest.some((size) => size !== 0) ? tape.op('Pad', [all, tape.integers(rest), null], {}) : all
  return fromPixels(layouts, cut, [n, c])
}

function averagePool(layouts: Layouts, { attributes }: Node<'AveragePool'>, [x]: readonly (Value | null)[]): Value | undefined {
  if (!x || !layouts.isBlocked(x)) return undefined
  return layouts.mark(layouts.tape.op('BlockedAveragePool', [x], attributes))
}
