/** @file A program whose runs go on side by side, in lanes. */
import { RootstockError } from '../errors.ts'
import type { Graph } from '../graph/index.ts'
import { writeOnnx } from '../onnx/index.ts'
import type { Tensor } from '../tensor/index.ts'
import type { CompileOptions, Program } from './engine.ts'
import { openLanes } from './lanes.ts'
import { engineThreads } from './threads.ts'

/** Compiles a graph into `count` sessions, among which the threads are dealt out; outputs must be float32. Throws ENGINE. */
export async function compileSideBySide(graph: Graph, count: number, options: CompileOptions): Promise<Program> {
  const { bytes } = writeOnnx(graph, { externalFrom: Infinity })
  const threads = Math.max(1, Math.floor((options.threads ?? engineThreads()) / count))
  const lanes = await openLanes({ bytes, external: [] }, { count, options: { planned: options.planned ?? true, threads } })
  const names = graph.outputs.map(({ name }) => name)
  let open = true
  return {
    graph,
    async run(feeds) {
      if (!open) throw new RootstockError('ENGINE', 'Cannot run: the program was disposed of')
      const values = await lanes.run(Object.fromEntries(Array.from(feeds, ([{ name }, fed]) => [name, sendable(fed)])), names)
      return new Map(graph.outputs.map((value) => [value, values[value.name]!]))
    },
    async dispose() {
      if (!open) return
      open = false
      await lanes.dispose()
    },
  }
}

/** A message carries the whole memory of what it is given, unless that is shared. */
function sendable(fed: Tensor): Tensor {
  const { data } = fed
  return data.buffer instanceof SharedArrayBuffer || data.byteLength === data.buffer.byteLength ? fed : { ...fed, data: data.slice() }
}
