/**
 * @file Writes the insertion of zeros between pixels (a depthwise ConvTranspose by one pixel of 1) as a product with a matrix of zeros and ones:
 * each row [w] becomes `sy` rows [w·sx], and 1·x + 0 is exact. The engine's own ConvTranspose takes many times as long.
 */
import { sameShape } from '../../tensor/index.ts'
import { readOnce, type Graph, type Node, type Value } from '../graph.ts'
import { numbersOf, sizes } from '../operators/shapes.ts'
import { add, padSpatial, reshape } from '../operators/steps.ts'
import type { ConvAttributes } from '../operators/signatures.ts'
import type { Tape } from '../tape.ts'
import { maker, rewrite, type Rewritten } from './rewrite.ts'

/** Replaces each such ConvTranspose by a product and a padding, with the same numbers; other ones stay. */
export function spellOutZeroInsertion(graph: Graph): Rewritten {
  return rewrite(graph, (tape, node, inputs) => {
    const [x, w] = inputs
    if (node.op !== 'ConvTranspose' || !x || !w || !insertsZeros(tape, w, node.attributes as ConvAttributes)) return undefined
    return [product(tape, node as Node<'ConvTranspose'>, x)]
  })
}

/** Adds before zeros are put between, not after: where two convolutions with strides read one value, its gradient is such a sum. */
export function joinZeroInsertion(graph: Graph): Rewritten {
  const isReadOnce = readOnce(graph)
  return rewrite(graph, (tape, node, inputs) => {
    const [a, b] = inputs
    if (node.op !== 'Add' || !a || !b || !node.inputs.every((input) => input && isReadOnce(input))) return undefined
    const [one, other] = [a, b].map((value) => spreadOf(tape, value))
    if (!one || !other || JSON.stringify(one.attributes) !== JSON.stringify(other.attributes)) return undefined
    const [[x, w], [y]] = [one.inputs as [Value, Value], other.inputs as [Value, Value]]
    if (!sameShape(x.shape, y.shape) || !sameShape(a.shape, b.shape)) return undefined
    return tape.ops('ConvTranspose', [add(tape, x, y), w], one.attributes)
  })
}

/** The node that made a value by putting zeros between pixels. */
function spreadOf(tape: Tape, value: Value): Node<'ConvTranspose'> | undefined {
  const node = maker(tape, value) as Node<'ConvTranspose'> | undefined
  const w = node?.op === 'ConvTranspose' ? node.inputs[1] : undefined
  return w && node && insertsZeros(tape, w, node.attributes) ? node : undefined
}

/** Whether a transposed convolution with this kernel only puts zeros between the pixels. */
export function insertsZeros(tape: Pick<Tape, 'constants'>, w: Value, { pads, group }: ConvAttributes): boolean {
  const [c = 0, perGroup, kh, kw] = sizes(w)
  const ones = tape.constants.get(w)
  const isPixel = perGroup === 1 && kh === 1 && kw === 1 && group === c && pads.every((pad) => pad === 0)
  return isPixel && ones !== undefined && numbersOf(ones).every((number) => number === 1)
}

function product(tape: Tape, { attributes, outputs }: Node<'ConvTranspose'>, x: Value): Value {
  const [n = 0, c = 0, h = 0, w = 0] = sizes(x)
  const [, , height = 0, width = 0] = sizes(outputs[0]!)
  const [sy = 1, sx = 1] = attributes.strides
  const matrix = new Float32Array(w * sy * width)
  for (let i = 0; i < w; i++) matrix[i * sy * width + i * sx] = 1
  const spread = tape.op('MatMul', [reshape(tape, x, [n * c * h, w]), tape.number([...matrix], [w, sy * width])], {})
  return padSpatial(tape, reshape(tape, spread, [n, c, h * sy, width]), [0, 0, height - h * sy, 0])
}
