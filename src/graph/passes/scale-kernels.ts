/**
 * @file Takes batch normalization on given statistics into the convolution before it while the convolution still trains:
 * γ/σ·(W∗x + b − μ) + β = (γ/σ·W)∗x + γ/σ·(b − μ) + β, written as nodes. Done before gradients are taken, so that dW is scaled back by itself.
 */
import { consumers, type Graph, type Node, type Value } from '../graph.ts'
import { sizes } from '../operators/shapes.ts'
import { add, div, mul, reshape, sqrt, sub } from '../operators/steps.ts'
import type { Tape } from '../tape.ts'
import { maker, rewrite, type Rewritten } from './rewrite.ts'

/** `kept` are values that must not vanish. */
export function scaleKernels(graph: Graph, kept: ReadonlySet<Value>): Rewritten {
  const readers = consumers(graph)
  return rewrite(graph, (tape, node, inputs) => {
    const [source] = node.inputs
    if (node.op !== 'BatchNormalization' || !source || kept.has(source) || graph.outputs.includes(source)) return undefined
    if ((node as Node<'BatchNormalization'>).attributes.training_mode || readers.get(source)?.length !== 1) return undefined
    const conv = inputs[0] && maker(tape, inputs[0])
    return conv?.op === 'Conv' ? [scaled(tape, conv as Node<'Conv'>, { node: node as Node<'BatchNormalization'>, inputs })] : undefined
  })
}

function scaled(tape: Tape, conv: Node<'Conv'>, norm: { node: Node<'BatchNormalization'>; inputs: readonly (Value | null)[] }): Value {
  const [x, w, b] = conv.inputs as readonly [Value, Value, Value | undefined]
  const [, gamma, beta, mean, variance] = norm.inputs as readonly [Value, Value, Value, Value, Value]
  const slope = div(tape, gamma, sqrt(tape, add(tape, variance, tape.number(norm.node.attributes.epsilon))))
  const kernel = mul(tape, w, reshape(tape, slope, [sizes(w)[0] ?? 1, 1, 1, 1]))
  const offset = add(tape, mul(tape, b ? sub(tape, b, mean) : tape.op('Neg', [mean], {}), slope), beta)
  return tape.op('Conv', [x, kernel, offset], conv.attributes, norm.node.name)
}
