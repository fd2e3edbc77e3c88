/** @file Runs the graph of an artifact: photos 0 to 255 in, probabilities out. */
import { RootstockError } from '../../errors.ts'
import { engine, type Program } from '../../engine/index.ts'
import type { Graph, Value } from '../../graph/index.ts'
import { rows, sizeOf, type Tensor } from '../../tensor/index.ts'

/** A few at once are the fastest, as in `Model.predict`. */
const photosPerRun = 4

/** What computes a classifier that was opened from classifier.onnx. It has a graph, but no layers. */
export class ArtifactNetwork {
  readonly #graph: Graph
  readonly #input: Value
  readonly #output: Value
  readonly #name: string
  #program: Promise<Program> | undefined

  /** A graph with one input and one output; `name` is the network's. */
  constructor(graph: Graph, name: string) {
    const [input, output] = [graph.inputs[0], graph.outputs[0]]
    if (!input || !output) throw new RootstockError('SHAPE', `Cannot run ${name}: its graph has no input or no output`)
    this.#graph = graph
    this.#input = input
    this.#output = output
    this.#name = name
  }

  /** Probabilities [n, classes] of photos [n, height, width, 3] with values 0 to 255. */
  async predict(photos: Tensor<'float32'>): Promise<Tensor<'float32'>> {
    this.#program ??= engine().compile(this.#graph)
    const program = await this.#program
    const [count, classes] = [photos.shape[0] ?? 0, this.#output.shape[1] ?? 0]
    const data = new Float32Array(count * classes)
    for (let from = 0; from < count; from += photosPerRun) {
      const results = await program.run(new Map([[this.#input, rows(photos, from, from + photosPerRun)]]))
      data.set(results.get(this.#output)?.data as Float32Array, from * classes)
    }
    return { data, shape: [count, classes], dtype: 'float32' }
  }

  /** How many operators of each kind, and how many numbers. */
  summary(): string {
    const counts = new Map<string, number>()
    for (const { op } of this.#graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1)
    const kinds = [...counts].sort((a, b) => b[1] - a[1]).map(([op, count]) => `${count} ${op}`)
    const numbers = [...this.#graph.constants.keys()].reduce((sum, { shape }) => sum + sizeOf(shape.map(Number)), 0)
    return `ONNX graph of ${this.#name}\n${this.#graph.nodes.length} operators: ${kinds.join(', ')}\n${numbers.toLocaleString('en-US')} numbers`
  }

  /** Frees native memory; the next photo compiles the graph again. */
  async dispose(): Promise<void> {
    const program = this.#program
    this.#program = undefined
    await (await program?.catch(() => undefined))?.dispose()
  }
}
