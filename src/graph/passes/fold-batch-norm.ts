/** @file Folds batch normalization on given statistics into the convolution before it: γ/σ·(Wx + b − μ) + β = (γ/σ·W)x + γ/σ·(b − μ) + β. */
import { sizeOf, type Tensor } from '../../tensor/index.ts'
import { consumers, type Graph, type Node, type PartReader, type Value } from '../graph.ts'
import type { Attributes } from '../operators/signatures.ts'
import type { Tape } from '../tape.ts'
import { floatsOf, isWeight, partsOf } from './floats.ts'
import { maker, rewrite, type Rewritten } from './rewrite.ts'

/** The new weights are computed in float64 and rounded once, kernels when they are asked for: they would lie in memory twice. */
export function foldBatchNorm(graph: Graph): Rewritten {
  const readers = consumers(graph)
  const outputs = new Set(graph.outputs)
  return rewrite(graph, (tape, node, inputs) => {
    const [source] = node.inputs
    const isFixed = node.op === 'BatchNormalization' && (node.attributes as Attributes['BatchNormalization']).training_mode === 0
    if (!isFixed || !source || outputs.has(source) || readers.get(source)?.length !== 1) return undefined
    const conv = inputs[0] && maker(tape, inputs[0])
    return conv?.op === 'Conv' ? folded(tape, graph, conv as Node<'Conv'>, node as Node<'BatchNormalization'>) : undefined
  })
}

function folded(tape: Tape, graph: Graph, conv: Node<'Conv'>, norm: Node<'BatchNormalization'>): readonly Value[] | undefined {
  const [x, weight, bias] = conv.inputs
  const [gamma, beta, mean, variance] = norm.inputs.slice(1).map((value) => value && floatsOf(graph, value))
  const b = bias && floatsOf(graph, bias)
  if (!x || !weight || !isWeight(graph, weight) || !gamma || !beta || !mean || !variance || (bias && !b)) return undefined
  const { epsilon } = norm.attributes
  const channels = gamma.length
  const factors = Float64Array.from(gamma, (value, c) => value / Math.sqrt(variance[c]! + epsilon))
  const offset = Float32Array.from(beta, (value, c) => value + ((b?.[c] ?? 0) - mean[c]!) * factors[c]!)
  const shape = weight.shape as Tensor['shape']
  const parts = (): PartReader => scaledParts(partsOf(graph, weight), factors, sizeOf(shape) / channels)
  const made = (): Tensor => ({ data: parts()(0, new Float32Array(sizeOf(shape))), shape, dtype: 'float32' })
  const kernel = tape.parameter(`${norm.name}/folded_kernel`, { shape, dtype: 'float32' }, made, { parts })
  const inputs = [x, kernel, tape.constant({ data: offset, shape: [channels], dtype: 'float32' }, `${norm.name}/folded_bias`)]
  return tape.ops('Conv', inputs, conv.attributes, norm.name)
}

/** Each outgoing channel's weights, `width` of them, by its factor. */
function scaledParts(read: PartReader, factors: Float64Array, width: number): PartReader {
  return (from, room) => {
    const numbers = read(from, room)
    for (let i = 0; i < room.length;) {
      const row = Math.floor((from + i) / width)
      const end = Math.min(room.length, (row + 1) * width - from)
      for (const factor = factors[row]!; i < end; i++) room[i] = numbers[i]! * factor
    }
    return room
  }
}
