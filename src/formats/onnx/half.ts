/** @file A graph that computes in half precision between float32 inputs and outputs. */
import { RootstockError } from '../../errors.ts'
import { createTape, type Attributes, type Graph, type Node, type Tape, type Value } from '../../graph/index.ts'
import { toHalf, type Tensor } from '../../tensor/index.ts'

/** The same graph with float16 constants and arithmetic. Throws USAGE where a weight is too large for it. */
export function halved(graph: Graph): Graph {
  const tape = createTape()
  const numbers = new Map<Value, Tensor>(graph.constants)
  for (const [value, { data }] of graph.parameters) numbers.set(value, data())
  const moved = new Map<Value, Value>()
  for (const value of graph.inputs) {
    const input = tape.input(value.name, { shape: value.shape, dtype: value.dtype })
    moved.set(value, value.dtype === 'float32' ? tape.op('Cast', [input], { to: 'float16' }) : input)
  }
  const at = (value: Value | null): Value | null => {
    if (!value) return null
    const known = moved.get(value)
    if (known) return known
    const made = tape.constant(halfTensor(numbers.get(value), value.name), graph.parameters.has(value) ? value.name : undefined)
    moved.set(value, made)
    return made
  }
  for (const node of graph.nodes) {
    const outputs =
      node.op === 'BatchNormalization'
        ? [scaleAndShift(tape, node, { numbers, x: at(node.inputs[0] ?? null) })]
        : tape.ops(node.op, node.inputs.map(at), node.attributes, node.name)
    node.outputs.forEach((old, i) => outputs[i] && moved.set(old, outputs[i]))
  }
  const outputs = graph.outputs.map((value) => {
    const half = at(value)
    return value.dtype === 'float32' ? tape.op('Cast', [half], { to: 'float32' }, `${value.name}/float32`) : (half ?? value)
  })
  return tape.graph(outputs)
}

interface Normalization {
  readonly numbers: ReadonlyMap<Value, Tensor>
  readonly x: Value | null
}

// y = s·x + t with s = γ/√(σ² + ε), t = β − μ·s: variances span more than half precision holds, s and t do not.
function scaleAndShift(tape: Tape, node: Node, { numbers, x }: Normalization): Value {
  const { epsilon } = node.attributes as Attributes['BatchNormalization']
  const [gamma, beta, mean, variance] = node.inputs
    .slice(1)
    .map((value) => (value ? numbers.get(value)?.data : undefined) as Float32Array | undefined)
  if (!gamma || !beta || !mean || !variance || !x)
    throw new RootstockError('USAGE', `Cannot halve "${node.name}": its statistics are not fixed`)
  const channels = variance.length
  const scale = Float32Array.from(variance, (value, i) => Number(gamma[i]) / Math.sqrt(Number(value) + epsilon))
  const shift = Float32Array.from(scale, (value, i) => Number(beta[i]) - Number(mean[i]) * value)
  const shape = x.shape.map((_, axis) => (axis === 1 ? channels : 1))
  const constant = (data: Float32Array, what: string): Value =>
    tape.constant(halfTensor({ data, shape, dtype: 'float32' }, `${node.name}/${what}`), `${node.name}/${what}`)
  return tape.op('Add', [tape.op('Mul', [x, constant(scale, 'scale')], {}, `${node.name}/scaled`), constant(shift, 'shift')], {}, node.name)
}

function halfTensor(tensor: Tensor | undefined, name: string): Tensor {
  if (!tensor) throw new RootstockError('USAGE', `Cannot halve the graph: "${name}" has no numbers`)
  if (tensor.dtype !== 'float32') return tensor
  const data = Uint16Array.from(tensor.data as Float32Array, toHalf)
  const isLost = data.some((bits, i) => (bits & 0x7fff) === 0x7c00 && Number.isFinite(Number(tensor.data[i])))
  if (isLost) {
    throw new RootstockError('USAGE', `Cannot export in float16: "${name}" holds numbers above 65,504`, { hint: 'Export in float32' })
  }
  return { data, shape: tensor.shape, dtype: 'float16' }
}
