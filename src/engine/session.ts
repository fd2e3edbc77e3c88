/** @file Sessions of ONNX Runtime, from models as they are: nothing here knows graphs, so a cold process need not load them. */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { RootstockError, messageOf } from '../errors.ts'
import type { DType, Tensor, TensorData } from '../tensor/index.ts'
import type { CompileOptions, EngineName } from './engine.ts'
import { loadRuntime, type Runtime } from './runtime.ts'
import { engineThreads } from './threads.ts'

/** A model, and numbers that lie beside it. */
export interface SessionModel {
  readonly bytes: Uint8Array
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[]
}

const BETWEEN = { sleep: { allow_spinning: '0' }, wait: { spin_duration_us: '5000' } } as const

/** Makes a session. Throws ENGINE. */
export async function createSession(
  runtime: Runtime,
  model: SessionModel,
  { name, options }: { name: EngineName; options: Omit<CompileOptions, 'asInputs'> },
): Promise<InferenceSession> {
  const threads = options.threads ?? engineThreads()
  try {
    return await runtime.InferenceSession.create(model.bytes, {
      executionProviders: name === 'cpu' ? ['cpu'] : [name, 'cpu'],
      externalData: [...model.external],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: options.optimize === 'none' ? 'disabled' : 'all',
      enableMemPattern: options.planned ?? true,
      logSeverityLevel: 3,
      extra: { session: { set_denormal_as_zero: '1', ...(options.between ? { intra_op: BETWEEN[options.between] } : {}) } },
      ...(options.profile ? { enableProfiling: true, profileFilePrefix: options.profile } : {}),
    })
  } catch (error) {
    throw new RootstockError('ENGINE', `Cannot prepare the network on ${name}: ${firstLine(error)}`, {
      cause: error,
      ...(name === 'cpu' ? {} : { hint: 'Set ROOTSTOCK_ENGINE=cpu to run on the processor' }),
    })
  }
}

/**
 * An output that is not a tensor. When a run has ended, the runtime makes a copy of every output, also of those that it wrote where it was told
 * to: 0.6 ms a megabyte, as much as a small training step takes. It cannot copy this one, which comes first, so it stops there; all that was to
 * be computed lies in its place by then. A runtime that learns to copy it does what it did before.
 */
export const NO_TENSOR = 'no_tensor'
const STOPPED_THERE = /^Non tensor type is temporarily not supported/

/** Runs a session once. Throws ENGINE. */
export async function runSession(
  session: InferenceSession,
  inputs: Record<string, OrtTensor>,
  fetches: Record<string, OrtTensor | null>,
): Promise<InferenceSession.OnnxValueMapType> {
  try {
    return await session.run(inputs, fetches)
  } catch (error) {
    if (NO_TENSOR in fetches && STOPPED_THERE.test(messageOf(error))) return {}
    throw new RootstockError('ENGINE', `Cannot run the network: ${firstLine(error)}`, { cause: error })
  }
}

/** One output of a run as plain data. Throws ENGINE where the engine gave none. */
export function outputOf<D extends DType>(results: InferenceSession.OnnxValueMapType, name: string, dtype: D): Tensor<D> {
  const result = results[name]
  if (!result || !('data' in result)) throw new RootstockError('ENGINE', `The engine gave no output "${name}"`)
  return { data: result.data as TensorData[D], shape: result.dims, dtype }
}

/** A network with one input and one output, made ready from a file. */
export interface OpenNetwork {
  /** Throws ENGINE. */
  run(x: Tensor<'float32'>): Promise<Tensor<'float32'>>
  /** Frees its native memory. */
  dispose(): Promise<void>
}

/** Opens a model that `inferenceFile` of training/ wrote. Throws ENGINE. */
export async function openNetwork(bytes: Uint8Array): Promise<OpenNetwork> {
  const runtime = await loadRuntime()
  const session = await createSession(runtime, { bytes, external: [] }, { name: 'cpu', options: {} })
  const [[input = ''], [output = '']] = [session.inputNames, session.outputNames]
  return {
    async run({ data, shape }) {
      const results = await runSession(session, { [input]: new runtime.Tensor('float32', data, [...shape]) }, { [output]: null })
      return outputOf(results, output, 'float32')
    },
    dispose: () => session.release(),
  }
}

const firstLine = (error: unknown): string => messageOf(error).split('\n')[0] ?? ''
