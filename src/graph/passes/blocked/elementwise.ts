/** @file Operators on blocks that work number by number, and those with one number per channel. */
import { sameShape } from '../../../tensor/index.ts'
import type { Node, Value } from '../../graph.ts'
import type { OpName } from '../../operators/signatures.ts'
import { sizes } from '../../operators/shapes.ts'
import { reshape } from '../../operators/steps.ts'
import { maker } from '../rewrite.ts'
import { fits, type Layouts } from './layouts.ts'
import { affine } from './convolutions.ts'

/** One shape, or a single number: the order of the numbers does not matter. */
export function elementwise<K extends OpName>(layouts: Layouts, node: Node<K>, inputs: readonly (Value | null)[]): Value | undefined {
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
export function between(layouts: Layouts, [a, b]: readonly (Value | null)[]): Value | undefined {
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
export const STEEP = 2 ** 64

/** A value in blocks and a vector along its channels. */
export function perChannel(
  layouts: Layouts,
  [x, vector]: readonly (Value | null)[],
  of: (tape: Layouts['tape'], vector: Value) => readonly [Value, Value],
): Value | undefined {
  if (!x || !vector || !layouts.isBlocked(x)) return undefined
  const [, c = 0] = sizes(x)
  if (vector.shape.length !== 4 || vector.shape.some((size, axis) => size !== (axis === 1 ? c : 1))) return undefined
  return affine(layouts, x, of(layouts.tape, reshape(layouts.tape, vector, [c])))
}
