/**
 * @file Gives single numbers as many axes as what they are combined with: the engine takes a hundred times as long to multiply
 * [1024,1024,1,1] by [] as by [1,1,1,1].
 */
import type { Graph, Value } from '../graph.ts'
import type { OpName } from '../operators/signatures.ts'
import { reshape } from '../operators/steps.ts'
import { rewrite, type Rewritten } from './rewrite.ts'

const binary: readonly OpName[] = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Pow']

/** Reshapes single numbers to the rank of the result, where its last axis has size 1; the results stay the same. */
export function matchScalarRanks(graph: Graph): Rewritten {
  return rewrite(graph, (tape, node, inputs) => {
    const rank = node.outputs[0]?.shape.length ?? 0
    if (!binary.includes(node.op) || node.outputs[0]?.shape.at(-1) !== 1) return undefined
    const isLow = (value: Value): boolean => value.shape.length < rank && value.shape.every((size) => size === 1)
    const ready = inputs.map((value) =>
      value && isLow(value)
        ? reshape(
            tape,
            value,
            Array.from({ length: rank }, () => 1),
          )
        : value,
    )
    return tape.ops(node.op, ready, node.attributes, node.name)
  })
}
