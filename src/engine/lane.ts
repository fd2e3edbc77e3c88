/** @file What a thread of lanes.ts does: it opens one session and runs it, one order after the other. */
import { parentPort, type MessagePort } from 'node:worker_threads'
import type { InferenceSession } from 'onnxruntime-node'
import { RootstockError, messageOf } from '../errors.ts'
import { sizeOf, type Tensor } from '../tensor/index.ts'
import type { Answer, Order } from './lanes.ts'
import { loadRuntime } from './runtime.ts'
import { createSession, outputOf, runSession } from './session.ts'

if (parentPort) serve(parentPort)

function serve(port: MessagePort): void {
  let session: InferenceSession | undefined
  const own = ownMemory()
  const follow = async (order: Order): Promise<void> => {
    if (order.kind === 'end') {
      await session?.release()
      return port.close()
    }
    if (order.kind === 'open') {
      session = await createSession(await loadRuntime(), order.model, { name: 'cpu', options: order.options })
      return answer(port, { values: {} })
    }
    if (!session) throw new RootstockError('ENGINE', 'Cannot run the network: it was not opened')
    const { Tensor } = await loadRuntime()
    const feeds = Object.entries(order.feeds).map(([name, fed]) => [name, new Tensor(fed.dtype, own(name, fed), [...fed.shape])] as const)
    const results = await runSession(session, Object.fromEntries(feeds), Object.fromEntries(order.outputs.map((name) => [name, null])))
    answer(port, { values: Object.fromEntries(order.outputs.map((name) => [name, outputOf(results, name, 'float32')])) })
  }
  let last = Promise.resolve()
  port.on('message', (order: Order) => {
    last = last.then(() => follow(order)).catch((error: unknown) => answer(port, failed(error)))
  })
}

/** The runtime takes no shared memory: what lies there is copied to a place that every run uses again. */
function ownMemory(): (name: string, tensor: Tensor) => Float32Array {
  const places = new Map<string, Float32Array>()
  return (name, { data, shape }) => {
    if (!(data instanceof Float32Array) || !(data.buffer instanceof SharedArrayBuffer)) return data as Float32Array
    const size = sizeOf(shape)
    let place = places.get(name)
    if (!place || place.length < size) places.set(name, (place = new Float32Array(size)))
    const part = place.subarray(0, size)
    part.set(data)
    return part
  }
}

function answer(port: MessagePort, said: Answer): void {
  const buffers = 'values' in said ? Object.values(said.values).map(({ data }) => data.buffer as ArrayBuffer) : []
  port.postMessage(said, buffers)
}

function failed(error: unknown): Answer {
  return { failed: messageOf(error), hint: error instanceof RootstockError ? error.hint : undefined }
}
