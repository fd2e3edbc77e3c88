/**
 * @file Spells out training-mode batch normalization as reductions and the normalizing pass.
 *
 * The engine's own kernel for training mode runs on one thread; ReduceMean, ReduceSumSquare and the inference form of
 * BatchNormalization take a quarter of its time.
 */
import type { Graph, Node, Value } from '../graph.ts'
import type { Tape } from '../tape.ts'
import { batchMoments } from '../operators/normalization.ts'
import { add, scale } from '../operators/steps.ts'
import type { Attributes } from '../operators/signatures.ts'
import { rewrite, type Rewritten } from './rewrite.ts'

/** Writes batch norms in training mode as means and squared deviations, which run on every thread. */
export function spellOutBatchStatistics(graph: Graph): Rewritten {
  return rewrite(graph, (tape, node, inputs) => {
    if (node.op !== 'BatchNormalization') return undefined
    const attributes = node.attributes as Attributes['BatchNormalization']
    return attributes.training_mode ? spelledOut(tape, node, inputs as readonly Value[], attributes) : undefined
  })
}

function spelledOut(tape: Tape, node: Node, inputs: readonly Value[], attributes: Attributes['BatchNormalization']): Value[] {
  const [x, gamma, beta, movingMean, movingVariance] = inputs as [Value, Value, Value, Value, Value]
  const { mean, variance } = batchMoments(tape, x)
  const { momentum, epsilon } = attributes
  const moved = (old: Value, batch: Value): Value => add(tape, scale(tape, old, momentum), scale(tape, batch, 1 - momentum))
  const y = tape.op('BatchNormalization', [x, gamma, beta, mean, variance], { epsilon, momentum, training_mode: 0 }, node.name)
  return [y, moved(movingMean, mean), moved(movingVariance, variance)]
}
