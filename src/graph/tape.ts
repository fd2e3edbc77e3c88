/** @file The tape on which graphs are recorded: each call appends one node whose shape is inferred and checked at once. */
import { RootstockError } from '../errors.ts'
import { showShape, type Tensor, sizeOf } from '../tensor/index.ts'
import type { Graph, Node, Parameter, Value, ValueType } from './graph.ts'
import { operators } from './operators/table.ts'
import type { Operator } from './operators/operator.ts'
import type { Attributes, OpName } from './operators/signatures.ts'

/** What else is known of a parameter's numbers. */
type AboutNumbers = Pick<Parameter, 'parts' | 'write'>

/** A recorder of nodes. Values of other tapes must not be mixed in. */
export interface Tape {
  /** So far, in the order of recording. */
  readonly nodes: readonly Node[]
  /** So far. */
  readonly constants: ReadonlyMap<Value, Tensor>
  /** So far. */
  readonly parameters: ReadonlyMap<Value, Parameter>
  /** So far. */
  readonly inputs: readonly Value[]
  /** A value fed at each run. */
  input(name: string, type: ValueType): Value
  /** A value whose numbers are part of the graph; equal small constants are shared. */
  constant(data: Tensor, name?: string): Value
  /** A float32 constant; a scalar unless a shape is given. */
  number(value: number | readonly number[], shape?: readonly number[]): Value
  /** A one-axis int64 constant (axes, shapes, pads). */
  integers(values: readonly number[]): Value
  /** A value whose numbers live outside (weights). */
  parameter(name: string, type: ValueType, data: () => Tensor, about?: AboutNumbers): Value
  /** Appends a node and returns its first output. */
  op<K extends OpName>(op: K, inputs: readonly (Value | null)[], attributes: Attributes[K], name?: string): Value
  /** Appends a node and returns all its outputs. */
  ops<K extends OpName>(op: K, inputs: readonly (Value | null)[], attributes: Attributes[K], name?: string): readonly Value[]
  /** The graph recorded so far, with the given outputs. Nodes that no output needs are left out. */
  graph(outputs: readonly Value[]): Graph
}

/** A new, empty tape, or one that goes on from an existing graph. */
export function createTape(start?: Graph): Tape {
  const nodes: Node[] = [...(start?.nodes ?? [])]
  const constants = new Map<Value, Tensor>(start?.constants)
  const parameters = new Map<Value, Parameter>(start?.parameters)
  const inputs: Value[] = [...(start?.inputs ?? [])]
  const values = [...nodes.flatMap((node) => node.outputs), ...constants.keys(), ...parameters.keys(), ...inputs]
  const unique = uniqueNames([...nodes, ...values].map(({ name }) => name))
  // All operators are pure (random masks come in as inputs), so the same call on the same values is the same value.
  const recorded = new Map<string, readonly Value[]>()

  const constant = constantStore(constants, unique)
  const filled = filledStore(constant)
  const ops = <K extends OpName>(op: K, from: readonly (Value | null)[], attributes: Attributes[K], name?: string): readonly Value[] => {
    const key = JSON.stringify([op, from.map((value) => value?.name ?? null), attributes])
    const done = recorded.get(key)
    if (done) return done
    const row = operators[op] as unknown as Operator<K>
    const nodeName = unique(name ?? op)
    const types = inferShape(op, nodeName, from, () =>
      row.shape({ inputs: from, attributes, constant: (i) => (from[i] ? constants.get(from[i]) : undefined) }),
    )
    const outputs = types.map((type, i): Value => ({ ...type, name: unique(`${nodeName}:${i}`) }))
    nodes.push({ op, name: nodeName, inputs: from, outputs, attributes })
    recorded.set(key, outputs)
    return outputs
  }

  return {
    nodes,
    constants,
    parameters,
    inputs,
    input(name, type) {
      const value: Value = { ...type, name: unique(name) }
      inputs.push(value)
      return value
    },
    constant,
    number: (value, shape) =>
      typeof value === 'number'
        ? filled(value, shape ?? [])
        : constant({ data: Float32Array.from(value), shape: shape ?? [value.length], dtype: 'float32' }),
    integers: (values) => constant({ data: BigInt64Array.from(values, BigInt), shape: [values.length], dtype: 'int64' }),
    parameter(name, type, data, about) {
      const value: Value = { ...type, name: unique(name) }
      parameters.set(value, { value, data, ...about })
      return value
    },
    op: (op, from, attributes, name) => firstOf(ops(op, from, attributes, name)),
    ops,
    graph: (outputs) => prune({ inputs, outputs, nodes, constants, parameters }),
  }
}

/**
 * Adds constants; those of equal numbers are one value where they are few or all the same, those too with which the tape begins: rules that ask for the same
 * zeros must get the same value, and what a pass records again is the same only if its constants are.
 */
function constantStore(constants: Map<Value, Tensor>, unique: (wanted: string) => string): Tape['constant'] {
  const shared = new Map<string, Value>()
  for (const [value, data] of constants) {
    const key = sizeOf(data.shape) <= LARGEST_PER_CHANNEL ? numbersKey(data) : undefined
    if (key !== undefined) shared.set(key, value)
  }
  return (data, name) => {
    const key = name === undefined ? numbersKey(data) : undefined
    const known = key === undefined ? undefined : shared.get(key)
    if (known) return known
    const value: Value = { name: unique(name ?? 'constant'), shape: data.shape, dtype: data.dtype }
    constants.set(value, data)
    if (key !== undefined) shared.set(key, value)
    return value
  }
}

/** One number over and over, of any size; its array is made once. */
function filledStore(constant: Tape['constant']): (value: number, shape: readonly number[]) => Value {
  const known = new Map<string, Value>()
  return (value, shape) => {
    const key = `${exactly(value)}${showShape(shape)}`
    const found = known.get(key) ?? constant({ data: new Float32Array(sizeOf(shape)).fill(value), shape, dtype: 'float32' })
    known.set(key, found)
    return found
  }
}

/** Constants of the start are looked through up to here: numbers of which there is one per channel. */
const LARGEST_PER_CHANNEL = 8192

/** What tells equal constants; undefined for many different numbers. */
function numbersKey({ dtype, shape, data }: Tensor): string | undefined {
  const numbers = data as ArrayLike<number | bigint> & { every(test: (number: number | bigint) => boolean): boolean }
  const first = numbers[0]
  const isFilled = first !== undefined && numbers.every((number) => Object.is(number, first))
  if (!isFilled && numbers.length > 64) return undefined
  return `${dtype}${showShape(shape)}${isFilled ? exactly(first) : Array.from(numbers, exactly).join()}`
}

/** Tells −0 from 0. */
const exactly = (value: number | bigint): string => (Object.is(value, -0) ? '-0' : String(value))

/** The graph without the nodes, constants and parameters that no output needs; inputs stay as they are. */
export function prune(graph: Graph): Graph {
  const needed = new Set(graph.outputs)
  const kept: Node[] = []
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!
    if (!node.outputs.some((output) => needed.has(output))) continue
    kept.push(node)
    for (const input of node.inputs) if (input) needed.add(input)
  }
  const keep = <T>(entries: ReadonlyMap<Value, T>): Map<Value, T> => new Map([...entries].filter(([value]) => needed.has(value)))
  return {
    inputs: [...graph.inputs],
    outputs: [...graph.outputs],
    nodes: kept.reverse(),
    constants: keep(graph.constants),
    parameters: keep(graph.parameters),
  }
}

function inferShape(op: OpName, name: string, inputs: readonly (Value | null)[], rule: () => readonly ValueType[]): readonly ValueType[] {
  try {
    return rule()
  } catch (error) {
    const shapes = inputs.map((value) => (value ? showShape(value.shape) : '-')).join(', ')
    const reason = error instanceof Error ? error.message : String(error)
    throw new RootstockError('SHAPE', `Cannot apply ${op} "${name}" to ${shapes}: ${reason}`, { cause: error })
  }
}

function firstOf(values: readonly Value[]): Value {
  const first = values[0]
  if (!first) throw new RootstockError('SHAPE', 'Cannot use the result of an operator without outputs')
  return first
}

function uniqueNames(taken: readonly string[]): (wanted: string) => string {
  const seen = new Set(taken)
  const next = new Map<string, number>()
  return (wanted) => {
    let name = wanted
    for (let i = next.get(wanted) ?? 1; seen.has(name); i++) {
      name = `${wanted}_${i}`
      next.set(wanted, i + 1)
    }
    seen.add(name)
    return name
  }
}
