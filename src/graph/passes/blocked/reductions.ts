/** @file Sums and means over values in blocks. */
import type { Node, Value } from '../../graph.ts'
import { numbersOf, sizes } from '../../operators/shapes.ts'
import { reshape, scale } from '../../operators/steps.ts'
import { maker } from '../rewrite.ts'
import type { Layouts } from './layouts.ts'
import { channelDot, channelMean } from './sums.ts'

export function reduction<K extends 'ReduceMean' | 'ReduceSum'>(
  layouts: Layouts,
  { attributes, outputs }: Node<K>,
  [x, over]: readonly (Value | null)[],
  op: K,
): Value | undefined {
  const { tape, isBlocked } = layouts
  const axes = over && tape.constants.get(over)
  if (!x || !axes || !isBlocked(x)) return undefined
  const wanted = numbersOf(axes).join()
  const counted = wanted === '0,2,3' || wanted === '2,3'
  if (wanted === '0' && op === 'ReduceSum') return overBatch(layouts, x, (attributes as { keepdims: 0 | 1 }).keepdims)
  if (!counted) return undefined
  if (wanted === '2,3') {
    const [, , h = 1, w = 1] = x.shape as (number | undefined)[]
    const pooled = tape.op('BlockedGlobalAveragePool', [x], {})
    const result = outputs[0]!.shape.map((size) => size ?? -1)
    return reshape(tape, op === 'ReduceMean' ? pooled : scale(tape, pooled, h * w), result)
  }
  const [n = 1, , h = 1, w = 1] = sizes(x)
  const count = n * h * w
  const product = factors(layouts, x)
  const sum = product ? channelDot(layouts, ...product) : channelMean(layouts, x)
  const by = (product ? 1 / count : 1) * (op === 'ReduceSum' ? count : 1)
  return reshape(tape, scale(tape, sum, by), sizes(outputs[0]!))
}

/** a and b of a product a·b that is only summed. */
export function factors({ tape, isReadOnce, isBlocked }: Layouts, x: Value): readonly [Value, Value] | undefined {
  const product = isReadOnce(x) ? maker(tape, x) : undefined
  const [a, b] = product?.op === 'Mul' ? product.inputs : []
  return a && b && isBlocked(a) && isBlocked(b) ? [a, b] : undefined
}

/** Σ over the batch, in plain order: small, the gradient of depthwise kernels. */
export function overBatch({ tape, block }: Layouts, x: Value, keepdims: 0 | 1): Value | undefined {
  if (keepdims) return undefined
  const [n = 0, c = 0, h = 0, w = 0] = sizes(x)
  const sum = tape.op('ReduceSum', [reshape(tape, x, [n, c * h * w]), tape.integers([0])], { keepdims: 0 })
  const blocks = reshape(tape, sum, [c / block, h * w, block])
  return reshape(tape, tape.op('Transpose', [blocks], { perm: [0, 2, 1] }), [c, h, w])
}
