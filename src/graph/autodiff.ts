/** @file Reverse-mode differentiation: one walk back over the nodes. It knows no operator; the rules are rows of the table. */
import { RootstockError } from '../errors.ts'
import { sameShape, showShape } from '../tensor/index.ts'
import type { Node, Value } from './graph.ts'
import { downstream, upstream } from './graph.ts'
import type { Operator } from './operators/operator.ts'
import { operators } from './operators/table.ts'
import type { Tape } from './tape.ts'

/**
 * Appends to the tape the gradient of `loss` (a scalar) by each of `targets`, and returns them in order.
 * A target that the loss does not depend on has the gradient zero, given as undefined.
 */
export function gradients(tape: Tape, loss: Value, targets: readonly Value[]): (Value | undefined)[] {
  if (loss.shape.length !== 0)
    throw new RootstockError('SHAPE', `Cannot differentiate ${loss.name}: it has shape ${showShape(loss.shape)}, expected a scalar`)
  const nodes = [...tape.nodes]
  const reached = downstream(nodes, targets)
  const needed = upstream(nodes, [loss])
  const between = (value: Value | null): value is Value => value !== null && reached.has(value) && needed.has(value)

  const gradient = new Map<Value, Value>([[loss, tape.number(1)]])
  for (const node of nodes.reverse()) {
    const dy = node.outputs[0] && gradient.get(node.outputs[0])
    if (!dy) continue
    node.inputs.forEach((input, index) => {
      if (!between(input)) return
      const contribution = inputGradient(tape, node, index, dy)
      const sum = gradient.get(input)
      gradient.set(input, sum ? tape.op('Add', [sum, contribution], {}) : contribution)
    })
  }
  return targets.map((target) => (between(target) ? gradient.get(target) : undefined))
}

function inputGradient(tape: Tape, node: Node, index: number, dy: Value): Value {
  const row = operators[node.op] as unknown as Operator
  const name = row.inputs[Math.min(index, row.inputs.length - 1)]!
  const rule = row.gradient[name]
  const where = `Cannot differentiate ${node.op} "${node.name}" by its input ${name}`
  if (typeof rule !== 'function') throw new RootstockError('SHAPE', `${where}: ${rule.none}`)
  const input = node.inputs[index]!
  const result = rule({ tape, inputs: node.inputs as readonly Value[], outputs: node.outputs, attributes: node.attributes, dy, index })
  if (!sameShape(result.shape, input.shape)) {
    throw new RootstockError('SHAPE', `${where}: the rule gave shape ${showShape(result.shape)}, expected ${showShape(input.shape)}`)
  }
  return result
}
