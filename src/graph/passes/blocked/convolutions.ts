/** @file Convolutions on blocks, and what they take over: normalization on given statistics, sums, activations. */
import { sameShape } from '../../../tensor/index.ts'
import type { Node, Value } from '../../graph.ts'
import type { ActivationAttributes, Attributes } from '../../operators/signatures.ts'
import { numbersOf, sizes } from '../../operators/shapes.ts'
import { add, div, mul, reshape, sqrt, sub } from '../../operators/steps.ts'
import { maker } from '../rewrite.ts'
import { blockedDepthwiseKernel, blockedKernel } from './kernels.ts'
import { fits, type Layouts } from './layouts.ts'
import { elementwise } from './elementwise.ts'

/** A convolution that looks at one pixel at a time. */
export const pointwise = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] } as const

export function convolution(layouts: Layouts, { attributes }: Node<'Conv'>, [x, w, b]: readonly (Value | null)[]): Value | undefined {
  const { tape, block, mark, isBlocked, toBlocks, toPlain, fixedKernel } = layouts
  if (!x || !w || attributes.pads.some((pad) => pad < 0)) return undefined
  const [c, o] = [x.shape[1] ?? 0, w.shape[0] ?? 0]
  const kernel = (): Value => fixedKernel(w) ?? blockedKernel(tape, toPlain(w), block)
  const conv = (from: Value, filters: Value): Value => {
    const { source, pads } = layouts.unpadded(from)
    const all = attributes.pads.map((pad, i) => pad + pads[i]!)
    // Less than no padding would need what was cut off from the source.
    const [read, around] = all.some((pad) => pad < 0) ? [from, attributes.pads] : [source, all]
    return mark(tape.op('BlockedConv', [read, filters, b ?? null], { ...attributes, pads: around }))
  }
  if (o % block !== 0) return undefined
  if (attributes.group === 1 && c < block) return conv(toPlain(x), kernel())
  if (c % block !== 0) return undefined
  if (attributes.group === 1) return conv(toBlocks(x), kernel())
  if (attributes.group !== c || c !== o) return undefined
  return conv(toBlocks(x), isBlocked(w) ? w : (fixedKernel(w) ?? blockedDepthwiseKernel(tape, w)))
}

/** act(slope·x + offset + sum) per channel, as a depthwise convolution by one pixel: all of it in one pass. */
export function affine(
  { tape, mark }: Layouts,
  x: Value,
  [slope, offset]: readonly [Value, Value],
  { sum, ...act }: ActivationAttributes & { readonly sum?: Value } = {},
): Value {
  const c = x.shape[1] ?? 0
  const inputs = [x, reshape(tape, slope, [c, 1, 1, 1]), offset, ...(sum ? [sum] : [])]
  return mark(tape.op('BlockedConv', inputs, { ...pointwise, group: c, ...act }))
}

export function normalization(
  layouts: Layouts,
  { attributes }: Node<'BatchNormalization'>,
  inputs: readonly (Value | null)[],
): Value | undefined {
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
export function openConv({ tape, isBlocked, isReadOnce }: Layouts, value: Value): Node<'BlockedConv'> | undefined {
  if (!isBlocked(value) || !isReadOnce(value)) return undefined
  const node = maker(tape, value) as Node<'BlockedConv'> | undefined
  return node?.op === 'BlockedConv' && node.attributes.activation === undefined ? node : undefined
}

/** A convolution with less padding, where the part that is cut off lies in the padding's reach. */
export function shorterConv(layouts: Layouts, x: Value, { from, to, by }: Record<'from' | 'to' | 'by', number[]>): Value | undefined {
  const conv = openConv(layouts, x)
  const [, , height = 0, width = 0] = sizes(x)
  if (!conv || conv.inputs[3] || by.join() !== '1,1' || conv.attributes.strides.join() !== '1,1' || from.some((at) => at < 0))
    return undefined
  const ends = [height, width].map((size, i) => size - Math.min(to[i]!, size))
  const pads = conv.attributes.pads.map((pad, i) => pad - [...from, ...ends][i]!)
  if (pads.some((pad) => pad < 0)) return undefined
  return layouts.mark(layouts.tape.op('BlockedConv', conv.inputs, { ...conv.attributes, pads }, conv.name))
}

export function activated(layouts: Layouts, x: Value, act: Partial<Attributes['BlockedConv']>): Value | undefined {
  const conv = openConv(layouts, x)
  return conv && layouts.mark(layouts.tape.op('BlockedConv', conv.inputs, { ...conv.attributes, ...act }, conv.name))
}

export function clip(layouts: Layouts, node: Node<'Clip'>, inputs: readonly (Value | null)[]): Value | undefined {
  const bounds = inputs.slice(1).map((bound) => (bound ? layouts.tape.constants.get(bound) : undefined))
  const [low, high] = bounds.map((bound) => bound && numbersOf(bound)[0])
  const params = low !== undefined && high !== undefined ? [low, high] : undefined
  const fused = params && activated(layouts, inputs[0]!, { activation: 'Clip', activation_params: params })
  return fused ?? elementwise(layouts, node, inputs)
}

export function summed(layouts: Layouts, [a, b]: readonly (Value | null)[]): Value | undefined {
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

export function averagePool(layouts: Layouts, { attributes }: Node<'AveragePool'>, [x]: readonly (Value | null)[]): Value | undefined {
  if (!x || !layouts.isBlocked(x)) return undefined
  return layouts.mark(layouts.tape.op('BlockedAveragePool', [x], attributes))
}

export function maxPool(layouts: Layouts, { attributes }: Node<'MaxPool'>, [x]: readonly (Value | null)[]): Value | undefined {
  if (!x || !layouts.isBlocked(x)) return undefined
  return layouts.mark(layouts.tape.op('BlockedMaxPool', [x], attributes))
}
