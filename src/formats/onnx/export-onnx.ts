/** @file Writes a model as standard ONNX: input and output in Keras's layout, float32 and with a free batch. */
import { RootstockError } from '../../errors.ts'
import { atomicWrite, formatBytes } from '../../files/index.ts'
import type { Graph, Tape, Value } from '../../graph/index.ts'
import type { KerasShape } from '../../layers/index.ts'
import { lower, type Functional } from '../../models/index.ts'
import { joined, mostOnnxBytes, onnxPieces, type Pieces } from '../../onnx/index.ts'
import { halved } from './half.ts'

/** Options of `exportOnnx`. */
export interface ExportOnnxOptions {
  /** What weights and arithmetic are stored in; inputs and outputs are float32 either way. Default 'float32'. */
  readonly precision?: 'float32' | 'float16'
  /** Texts stored with the model (`metadata_props`). */
  readonly metadata?: Readonly<Record<string, string>>
  /** Height, width and channels of the input, for models that leave them open. */
  readonly inputShape?: readonly number[]
}

/**
 * Writes the model in inference mode to `path`, opset 18. It takes pictures [batch, height, width, channels] as the model does, already
 * preprocessed. Throws SHAPE where the size of the input is open, FILE when the file cannot be written.
 */
export async function exportOnnx(model: Functional, path: string, options: ExportOnnxOptions = {}): Promise<void> {
  await atomicWrite(path, filePieces(model, options))
}

/** The bytes of that file. */
export function onnxBytes(model: Functional, options: ExportOnnxOptions = {}): Uint8Array {
  return joined(filePieces(model, options))
}

function filePieces(model: Functional, { metadata = {}, ...options }: ExportOnnxOptions): Pieces {
  const pieces = onnxPieces(onnxGraph(model, options), { metadata })
  checkFileSize(pieces.length, model.name)
  return pieces
}

/** The graph of that file: one input and one output in Keras's layout for each of the model's. */
export function onnxGraph(model: Functional, { precision = 'float32', inputShape }: Omit<ExportOnnxOptions, 'metadata'> = {}): Graph {
  const shapes = inputShape && model.inputs.map((): KerasShape => [null, ...inputShape])
  const lowered = lower(model, { training: false, ...(shapes ? { shapes } : {}) })
  const graph = lowered.tape.graph(distinct(lowered.tape, lowered.outputs))
  return precision === 'float16' ? halved(graph) : graph
}

/** A file names each output once, so that one which is asked for again, such as what dropout leaves as it was, needs a name of its own. */
function distinct(tape: Tape, outputs: readonly Value[]): Value[] {
  const used = new Set<Value>()
  return outputs.map((output) => {
    let own = output
    while (used.has(own)) own = tape.op('Identity', [own], {})
    used.add(own)
    return own
  })
}

/** Throws USAGE where so many bytes are more than an ONNX file can hold. */
export function checkFileSize(bytes: number, name: string): void {
  if (bytes <= mostOnnxBytes) return
  throw new RootstockError('USAGE', `Cannot export ${name}: it has ${formatBytes(bytes)}, expected at most 2 GB`)
}
