/** @file Inference: the model's graph with all weights as constants, compiled once per input size and set of weights. */
import { requireTensor, RootstockError, shownValue } from '../errors.ts'
import { rows, showShape, sizeOf, type Shape, type Tensor } from '../tensor/index.ts'
import { lower, type Functional } from '../models/index.ts'
import { checkFloats } from './arguments.ts'
import { compileStages, fastest, type Stage } from './inference.ts'
import { byteTrunkOf, spoilAlike, withByteTrunk, type ByteTrunk } from './int8/byte-trunk.ts'
import type { SymbolicTensor } from '../layers/index.ts'
import type { Graph } from '../graph/index.ts'

/** A few small runs use the caches better than one large one: on two cores four photos at a time are the fastest. */
const photosPerRun = 4

interface Compiled {
  readonly key: string
  /** What was to take the place of the trunk. */
  readonly bytes: ByteTrunk | undefined
  /** Whether it did: not where the model has other weights by now. */
  readonly isInBytes: boolean
  readonly stages: readonly Stage[]
}

/** Runs a model forward. Holds at most one compiled program; another input size or changed weights make a new one. */
export class Predictor {
  readonly #model: Functional
  readonly #outputs: readonly SymbolicTensor[]
  #compiled: Compiled | undefined
  /** Runs wait for each other: the next may need another program, and one run uses all cores already. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(model: Functional, outputs: readonly SymbolicTensor[] = model.outputs) {
    this.#model = model
    this.#outputs = outputs
  }

  /** All outputs for all samples of `inputs`, in Keras's layout; the frozen part in 8 bits where the model has it so, unless `inFloat`. */
  run(inputs: readonly Tensor<'float32'>[], batchSize = photosPerRun, inFloat = false): Promise<Tensor<'float32'>[]> {
    if (!isList(inputs)) {
      const found = `Cannot predict with ${this.#model.name}: found ${shownValue(inputs)}, expected a list of tensors, one for each input`
      throw new RootstockError('USAGE', found, { hint: 'predict takes one tensor alone' })
    }
    return this.#inTurn(() =>
      this.#run(
        inputs.map((tensor, i) => this.#batched(tensor, i)),
        { batchSize, bytes: inFloat ? undefined : byteTrunkOf(this.#model) },
      ),
    )
  }

  /** One sample without a batch axis, as `image.load` gives it, counts as a batch of one. */
  #batched(tensor: Tensor<'float32'>, i: number): Tensor<'float32'> {
    requireTensor(tensor, `Cannot predict with ${this.#model.name}`)
    const isSingle = tensor.shape.length + 1 === this.#model.inputs[i]?.shape.length
    return isSingle ? { ...tensor, shape: [1, ...tensor.shape] } : tensor
  }

  /** Frees the compiled program's native memory. */
  dispose(): Promise<void> {
    return this.#inTurn(() => this.#release())
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  async #run(
    inputs: readonly Tensor<'float32'>[],
    { batchSize, bytes }: { readonly batchSize: number; readonly bytes: ByteTrunk | undefined },
  ): Promise<Tensor<'float32'>[]> {
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new RootstockError('USAGE', `Invalid batchSize: found ${batchSize}, expected a whole number of at least 1`)
    const count = this.#checkInputs(inputs)
    const shapes = inputs.map(({ shape }) => shape)
    const { stages, isInBytes } = await this.#compile(shapes, bytes)
    let values = inputs
    for (const stage of stages) values = await runStage(stage, values, { count, batchSize })
    if (isInBytes) spoilAlike(inputs[0]!, values)
    return [...values]
  }

  async #release(): Promise<void> {
    for (const { program } of this.#compiled?.stages ?? []) await program.dispose()
    this.#compiled = undefined
  }

  #checkInputs(inputs: readonly Tensor<'float32'>[]): number {
    const wanted = this.#model.inputs
    if (inputs.length !== wanted.length) {
      throw new RootstockError('USAGE', `Cannot predict with ${this.#model.name}: found ${inputs.length} inputs, expected ${wanted.length}`)
    }
    const count = inputs[0]?.shape[0] ?? 0
    if (count === 0) throw new RootstockError('SHAPE', `Cannot predict with ${this.#model.name}: the input has no samples`)
    for (const tensor of inputs) {
      const { data, shape } = tensor
      checkFloats(tensor, `Cannot predict with ${this.#model.name}`)
      if (data.length === sizeOf(shape) && shape[0] === count) continue
      const found = `an input has ${data.length} numbers for shape ${showShape(shape)}`
      throw new RootstockError('SHAPE', `Cannot predict with ${this.#model.name}: ${found}, expected ${count} whole samples in each input`)
    }
    return count
  }

  async #compile(shapes: readonly Shape[], bytes: ByteTrunk | undefined): Promise<Compiled> {
    const versions = this.#model.weights.reduce((sum, weight) => sum + weight.version, 0)
    const key = `${shapes.map((shape) => showShape(shape.slice(1))).join()}@${versions}`
    if (this.#compiled?.key === key && this.#compiled.bytes === bytes) return this.#compiled
    await this.#release()
    const lowered = lower(this.#model, {
      training: false,
      shapes: shapes.map((shape) => [null, ...shape.slice(1)]),
      outputs: this.#outputs,
    })
    const float = lowered.tape.graph(lowered.outputs)
    const graph = (bytes && withByteTrunk(bytes, float)) ?? float
    this.#compiled = { key, bytes, isInBytes: graph !== float, stages: await compileStages(graph) }
    return this.#compiled
  }
}

async function runStage(
  { program, inputs, outputs, rows: together }: Stage,
  values: readonly Tensor<'float32'>[],
  { count, batchSize }: { readonly count: number; readonly batchSize: number },
): Promise<Tensor<'float32'>[]> {
  const parts: Tensor<'float32'>[][] = outputs.map(() => [])
  const size = Math.max(batchSize, together ?? 1)
  for (let from = 0; from < count; from += size) {
    const feeds = new Map(inputs.map((input, i) => [input, rows(values[i]!, from, from + size)]))
    const results = await program.run(feeds)
    outputs.forEach((output, i) => parts[i]!.push(results.get(output) as Tensor<'float32'>))
  }
  return parts.map(joinRows)
}

/** The graph that `predict` computes for photos of the model's own size, all in float32. */
export async function inferenceGraph(model: Functional): Promise<Graph> {
  const lowered = lower(model, { training: false, shapes: model.inputs.map(({ shape }) => [null, ...shape.slice(1)]) })
  return (await fastest(lowered.tape.graph(lowered.outputs))).graph
}

const isList = (value: unknown): boolean => Array.isArray(value)

/** Tensors joined along their first axis. */
export function joinRows(parts: readonly Tensor<'float32'>[]): Tensor<'float32'> {
  const [first] = parts
  if (!first) throw new RootstockError('SHAPE', 'Cannot join rows: there are none')
  if (parts.length === 1) return first
  const total = parts.reduce((sum, part) => sum + (part.shape[0] ?? 0), 0)
  const shape = [total, ...first.shape.slice(1)]
  const data = new Float32Array(sizeOf(shape))
  let at = 0
  for (const part of parts) {
    data.set(part.data, at)
    at += part.data.length
  }
  return { data, shape, dtype: 'float32' }
}
