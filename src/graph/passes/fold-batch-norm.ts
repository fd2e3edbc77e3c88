/** @file Folds batch normalization on given statistics into the convolution before it: γ/σ·(Wx + b − μ) + β = (γ/σ·W)x + γ/σ·(b − μ) + β. */
import type { Tensor } from '../../tensor/index.ts'
import { consumers, type Graph, type Node, type Value } from '../graph.ts'
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
  const made = (): Tensor => ({ data: scaledRows(floatsOf(graph, weight)!, factors), shape, dtype: 'float32' })
  const kernel = tape.parameter(`${norm.name}/folded_kernel`, { shape, dtype: 'float32' }, made, {
    scaled: { of: () => partsOf(graph, weight), factors },
  })
  const inputs = [x, kernel, tape.constant({ data: offset, shape: [channels], dtype: 'float32' }, `${norm.name}/folded_bias`)]
  return tape.ops('Conv', inputs, conv.attributes, norm.name)
}

/** Each outgoing channel's weights by its factor. */
function scaledRows(weights: Float32Array, factors: Float64Array): Float32Array {
  const scaled = new Float32Array(weights.length)
  const width = weights.length / factors.length
  factors.forEach((factor, row) => {
    const end = (row + 1) * width
    for (let i = row * width; i < end; i++) scaled[i] = weights[i]! * factor
  })
  return scaled
}
