/** @file Runs the graph of an artifact: photos 0 to 255 in, probabilities out. */
import { RootstockError } from '../../errors.ts'
import { engine, type Program } from '../../engine/index.ts'
import type { Graph, Value } from '../../graph/index.ts'
import { rows, sizeOf, type Tensor } from '../../tensor/index.ts'
import { compileInference } from '../../training/index.ts'

/** What computes a classifier that was opened from classifier.onnx. It has a graph, but no layers. */
export class ArtifactNetwork {
  readonly #graph: Graph
  readonly #input: Value
  readonly #output: Value
  readonly #name: string
  readonly #batchSize: number
  #ready: Promise<Ready> | undefined

  /** A graph with one input and one output; `name` is the network's. A few photos at once, `batchSize`, are the fastest, as in `Model.predict`. */
  constructor(graph: Graph, name: string, { batchSize = 4 }: { readonly batchSize?: number } = {}) {
    const [input, output] = [graph.inputs[0], graph.outputs[0]]
    if (!input || !output) throw new RootstockError('SHAPE', `Cannot run ${name}: its graph has no input or no output`)
    this.#graph = graph
    this.#input = input
    this.#output = output
    this.#name = name
    this.#batchSize = batchSize
  }

  /** Probabilities [n, classes] of photos [n, height, width, 3] with values 0 to 255. */
  async predict(photos: Tensor<'float32'>): Promise<Tensor<'float32'>> {
    this.#ready ??= ready(this.#graph, this.#output)
    const { program, output } = await this.#ready
    const [count, classes] = [photos.shape[0] ?? 0, this.#output.shape[1] ?? 0]
    const data = new Float32Array(count * classes)
    for (let from = 0; from < count; from += this.#batchSize) {
      const results = await program.run(new Map([[this.#input, rows(photos, from, from + this.#batchSize)]]))
      data.set(results.get(output)?.data as Float32Array, from * classes)
    }
    return { data, shape: [count, classes], dtype: 'float32' }
  }

  /** How many operators of each kind, and how many numbers. */
  summary(): string {
    const counts = new Map<string, number>()
    for (const { op } of this.#graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1)
    const kinds = [...counts].sort((a, b) => b[1] - a[1]).map(([op, count]) => `${count} ${op}`)
    const numbers = [...this.#graph.constants.keys(), ...this.#graph.parameters.keys()].reduce(
      (sum, { shape }) => sum + sizeOf(shape.map(Number)),
      0,
    )
    return `ONNX graph of ${this.#name}\n${this.#graph.nodes.length} operators: ${kinds.join(', ')}\n${numbers.toLocaleString('en-US')} numbers`
  }

  /** Frees native memory; the next photo compiles the graph again. */
  async dispose(): Promise<void> {
    const ready = this.#ready
    this.#ready = undefined
    await (await ready?.catch(() => undefined))?.program.dispose()
  }
}

interface Ready {
  readonly program: Program
  readonly output: Value
}

/** Numbers that are read when they are needed are put into the order in which they are computed with; constants are for the engine to order. */
async function ready(graph: Graph, output: Value): Promise<Ready> {
  if (graph.parameters.size === 0) return { program: await engine().compile(graph), output }
  try {
    const { program, at } = await compileInference(graph)
    return { program, output: at(output) }
  } catch {
    // What somebody else put together may be more than a rewriting expects.
    return { program: await engine().compile(graph), output }
  }
}
