/** @file The engines of ONNX Runtime. Programs are ONNX models made in memory; tensors are passed without copies. */
import { MessageChannel } from 'node:worker_threads'
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { RootstockError, unknownName } from '../errors.ts'
import { sizeOf, zeros, type Shape, type Tensor } from '../tensor/index.ts'
import { consumers, createTape, type Graph, type OpName, type Value } from '../graph/index.ts'
import { writeOnnx } from '../onnx/index.ts'
import { engineNames, type CompileOptions, type Engine, type EngineName, type Program } from './engine.ts'
import { loadRuntime, type Runtime } from './runtime.ts'
import { NO_TENSOR, createSession, outputOf, runSession } from './session.ts'
import { compileSideBySide } from './side-by-side.ts'

/** Tensors of this size travel beside the ONNX message. */
const externalFrom = 4096

/** The engine of that name. Default: the environment variable ROOTSTOCK_ENGINE, else 'cpu'. */
export function engine(name: string = process.env['ROOTSTOCK_ENGINE'] ?? 'cpu'): Engine {
  const known = engineNames.find((candidate) => candidate === name)
  if (!known) throw unknownName('engine', name, engineNames)
  return { name: known, compile: (graph, options = {}) => compile(known, graph, options), blockSize: () => blockSizeOf(known) }
}

/** The engines that this machine can run: those whose library is installed and which find a device. */
export async function availableEngines(): Promise<EngineName[]> {
  const { listSupportedBackends } = await loadRuntime()
  const bundled = listSupportedBackends().filter((backend) => backend.bundled)
  const found: EngineName[] = []
  for (const name of engineNames) if (bundled.some((backend) => backend.name === name) && (await findsDevice(name))) found.push(name)
  return found
}

async function findsDevice(name: EngineName): Promise<boolean> {
  if (name === 'cpu') return true
  const tape = createTape()
  const graph = tape.graph([tape.op('Relu', [tape.input('x', { shape: [1], dtype: 'float32' })], {})])
  try {
    await (await compile(name, graph, {})).dispose()
    return true
  } catch {
    return false
  }
}

let cpuBlock: Promise<number> | undefined

/** Only the processor's kernels have blocks. */
async function blockSizeOf(name: EngineName): Promise<number> {
  return name === 'cpu' ? (cpuBlock ??= measureBlock().catch(() => 0)) : 0
}

/** 64 channels of two pixels are numbered in plain order and put in blocks: the first pixel's channels of one block come first. */
async function measureBlock(): Promise<number> {
  const tape = createTape()
  const x = tape.input('x', { shape: [1, 64, 1, 2], dtype: 'float32' })
  const y = tape.op('ReorderInput', [x], {})
  const program = await compile('cpu', tape.graph([y]), {})
  const data = Float32Array.from({ length: 128 }, (_, i) => i)
  const found = (await program.run(new Map([[x, { data, shape: x.shape as number[], dtype: 'float32' }]]))).get(y)
  await program.dispose()
  const end = Array.from(found?.data as Float32Array).findIndex((value, i) => value !== 2 * i)
  return end > 1 ? end : 0
}

async function compile(name: EngineName, graph: Graph, options: CompileOptions): Promise<Program> {
  const { lanes = 1 } = options
  if (lanes > 1 && name === 'cpu' && graph.outputs.every(({ dtype }) => dtype === 'float32'))
    return compileSideBySide(graph, lanes, options)
  const ort = await loadRuntime()
  const large = name === 'cpu' ? largeWeights(graph, options.asInputs) : []
  const asInputs = new Set([...(options.asInputs ?? []), ...large])
  const canWriteInto = graph.outputs.every(({ dtype, shape }) => dtype === 'float32' && !shape.includes(null))
  const model = writeOnnx(graph, { externalFrom, asInputs, ...(canWriteInto ? { emptySequence: NO_TENSOR } : {}) })
  const session = await createSession(ort, model, { name, options })
  return program(ort, graph, { session, held: holdWeights(graph, large) })
}

/** From this size on a dense kernel is read where it lies: as a constant the runtime would hold it twice more. In bytes. */
const LARGE = 2 ** 25

/** Kernels in blocks are always read as they lie; feeding one takes longer than copying a smaller one. */
const LARGE_IN_BLOCKS = 2 ** 15

/** Large weights that only stand to the right in matrix products, or are kernels in blocks: constants gain next to nothing there. */
function largeWeights(graph: Graph, asInputs: ReadonlySet<Value> = new Set()): Value[] {
  const readers = consumers(graph)
  const isRead = (value: Value, by: (op: OpName) => boolean): boolean =>
    (readers.get(value) ?? []).every(({ op, inputs }) => by(op) && inputs.every((input, i) => (input === value) === (i === 1)))
  return [...graph.parameters.keys()].filter((value) => {
    if (asInputs.has(value)) return false
    const bytes = 4 * sizeOf(value.shape as Shape)
    const isFactor = bytes >= LARGE && isRead(value, (op) => op === 'Gemm' || op === 'MatMul')
    return isFactor || (bytes >= LARGE_IN_BLOCKS && isRead(value, (op) => op === 'BlockedConv'))
  })
}

/** Weights that are fed to every run. */
interface HeldWeights {
  readonly tensors: ReadonlyMap<Value, Tensor>
  /** Memory of those that were made for this program. */
  readonly own: ArrayBuffer
}

/** What has to be made lies in one piece: the C library gives large pieces back to the system, and keeps small ones. */
function holdWeights({ parameters }: Graph, large: readonly Value[]): HeldWeights {
  const sizes = large.map(({ shape }) => sizeOf(shape as Shape))
  const isMade = large.map((value) => parameters.get(value)?.write !== undefined)
  const own = new Float32Array(sizes.reduce((sum, size, i) => sum + (isMade[i] ? size : 0), 0))
  let from = 0
  const tensors = large.map((value, i): [Value, Tensor] => {
    const { data, write } = parameters.get(value)!
    if (!write) return [value, data()]
    const part = own.subarray(from, (from += sizes[i]!))
    write(part)
    return [value, { data: part, shape: value.shape as Shape, dtype: 'float32' }]
  })
  return { tensors: new Map(tensors), own: own.buffer }
}

function program(ort: Runtime, graph: Graph, { session, held }: { session: InferenceSession; held: HeldWeights }): Program {
  const native = nativeTensors(ort)
  let open = true
  return {
    graph,
    async run(feeds, into) {
      if (!open) throw new RootstockError('ENGINE', 'Cannot run: the program was disposed of')
      const inputs: Record<string, OrtTensor> = {}
      const fed = new Map(Array.from([...held.tensors, ...feeds], ([value, data]) => [value.name, data]))
      for (const name of session.inputNames) inputs[name] = native(fedValue(fed, name))
      const targets = into && session.outputNames.includes(NO_TENSOR) ? targetsFor(graph, into) : into
      const fetches: Record<string, OrtTensor | null> = targets === into ? {} : { [NO_TENSOR]: null }
      for (const output of graph.outputs) {
        const target = targets?.get(output)
        fetches[output.name] = target ? native(target) : null
      }
      const results = await runSession(session, inputs, fetches)
      return new Map(graph.outputs.map((value) => [value, targets?.get(value) ?? outputOf(results, value.name, value.dtype)]))
    },
    async dispose() {
      if (!open) return
      open = false
      await session.release()
      giveBack(held.own)
    },
  }
}

/** Frees memory that nobody uses any more at once: the garbage collector waits until more is asked for, and a training follows. */
function giveBack(memory: ArrayBuffer): void {
  if (memory.byteLength === 0) return
  const { port1, port2 } = new MessageChannel()
  // What is sent where nobody listens is gone.
  port2.close()
  port1.postMessage(null, [memory])
  port1.close()
}

function targetsFor(graph: Graph, into: ReadonlyMap<Value, Tensor>): ReadonlyMap<Value, Tensor> {
  return new Map(graph.outputs.map((value) => [value, into.get(value) ?? zeros(value.shape as Shape)]))
}

function fedValue(fed: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const data = fed.get(name)
  if (data) return data
  throw new RootstockError('ENGINE', `Cannot run: the input "${name}" was not fed`)
}

/** Wraps typed arrays as the runtime's tensors, over the same memory; weights keep their wrapper from run to run. */
function nativeTensors(ort: Runtime): (value: Tensor) => OrtTensor {
  const known = new WeakMap<Tensor, OrtTensor>()
  return (value) => {
    const found = known.get(value)
    if (found) return found
    const made = new ort.Tensor(value.dtype, value.data as Float32Array, [...value.shape])
    known.set(value, made)
    return made
  }
}
