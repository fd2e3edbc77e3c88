/**
 * @file Sessions side by side, each in a thread of its own. Threads of one session wait for each other after every operator, so that whatever
 * else the machine does (reading photos, another program) holds up all of them; lanes never wait for each other, and leave JavaScript's own
 * thread free.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { RootstockError, messageOf } from '../errors.ts'
import type { Tensor } from '../tensor/index.ts'
import type { CompileOptions } from './engine.ts'
import type { SessionModel } from './session.ts'

/** What a lane is told: to get ready, to run, or to end. */
export type Order =
  | { readonly kind: 'open'; readonly model: SessionModel; readonly options: LaneOptions }
  | { readonly kind: 'run'; readonly feeds: Feeds; readonly outputs: readonly string[] }
  | { readonly kind: 'end' }

/** How a lane opens its session. */
export type LaneOptions = Pick<CompileOptions, 'planned' | 'threads'>

/** What a lane says to each order. */
export type Answer = { readonly values: Values } | { readonly failed: string; readonly hint?: string | undefined }

type Feeds = Readonly<Record<string, Tensor>>
type Values = Readonly<Record<string, Tensor>>

/** Some sessions of one model. */
export interface Lanes {
  /** The least busy session runs once. Throws ENGINE. */
  run(feeds: Feeds, outputs: readonly string[]): Promise<Values>
  /** Frees their memory, when the last run has ended. */
  dispose(): Promise<void>
}

interface Lane {
  /** Orders that are not answered yet. */
  waiting(): number
  send(order: Order): Promise<Values>
  end(): Promise<void>
}

/** Opens `count` sessions. Throws ENGINE. */
export async function openLanes(model: SessionModel, { count, options }: { count: number; options: LaneOptions }): Promise<Lanes> {
  const lanes = Array.from({ length: count }, startLane)
  const end = async (): Promise<void> => void (await Promise.all(lanes.map((lane) => lane.end())))
  try {
    await Promise.all(lanes.map((lane) => lane.send({ kind: 'open', model, options })))
  } catch (error) {
    await end()
    throw error
  }
  return {
    run(feeds, outputs) {
      const lane = lanes.reduce((least, other) => (other.waiting() < least.waiting() ? other : least))
      return lane.send({ kind: 'run', feeds, outputs })
    },
    dispose: end,
  }
}

const file = new URL(`../engine/lane${extname(import.meta.url)}`, import.meta.url)

/** Flags of the process itself may not be meant for files. From source, as tests run it, Node needs a loader. */
function newWorker(): Worker {
  if (file.pathname.endsWith('.js')) return new Worker(file, { execArgv: [], name: 'rootstock' })
  const load = `import('tsx/esm/api').then(({ tsImport }) => tsImport(${JSON.stringify(file.href)}, ${JSON.stringify(file.href)}))`
  return new Worker(load, { eval: true, execArgv: [], name: 'rootstock' })
}

function startLane(): Lane {
  const worker = newWorker()
  const waiting: { readonly resolve: (values: Values) => void; readonly reject: (error: RootstockError) => void }[] = []
  let ended: string | undefined
  worker.on('message', (answer: Answer) => {
    const first = waiting.shift()
    if (waiting.length === 0) worker.unref()
    if ('values' in answer) first?.resolve(answer.values)
    else first?.reject(new RootstockError('ENGINE', answer.failed, answer.hint === undefined ? {} : { hint: answer.hint }))
  })
  const stop = (reason: string): void => {
    ended ??= reason
    for (const { reject } of waiting.splice(0)) reject(stopped(ended))
  }
  worker.on('error', (error) => stop(messageOf(error)))
  const exit = new Promise<void>((resolve) => {
    worker.once('exit', (code) => {
      stop(`its exit code was ${code}`)
      resolve()
    })
  })
  return {
    waiting: () => waiting.length,
    send(order) {
      if (ended !== undefined) return Promise.reject(stopped(ended))
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        // A process that waits for a lane stays; one that is done with it may end.
        worker.ref()
        worker.postMessage(order)
      })
    },
    async end() {
      if (ended !== undefined) return
      worker.ref()
      worker.postMessage({ kind: 'end' } satisfies Order)
      await exit
    },
  }
}

function stopped(reason: string): RootstockError {
  return new RootstockError('ENGINE', `Cannot run the network: the thread that computes it has stopped (${reason})`, {
    hint: 'Set ROOTSTOCK_THREADS=1 to compute without such threads',
  })
}
