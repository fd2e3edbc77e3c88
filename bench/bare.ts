/** @file Listens to onnxruntime-node, so that what the engine ran can be run again without the engine: same bytes, same feeds. */
import { InferenceSession } from 'onnxruntime-node'

type Create = (bytes: Uint8Array, options: InferenceSession.SessionOptions) => Promise<InferenceSession>
type Feeds = InferenceSession.FeedsType
type Fetches = InferenceSession.NullableOnnxValueMapType
type Run = (feeds: Feeds, fetches: Fetches) => Promise<InferenceSession.OnnxValueMapType>

/** One run that was heard: its session's bytes and options, and its tensors. */
interface Heard {
  readonly bytes: Uint8Array
  readonly options: InferenceSession.SessionOptions
  readonly feeds: Feeds
  readonly fetches: Fetches
}

/** The runs of some work, to be repeated bare. */
export interface Bare {
  run(): Promise<void>
  dispose(): Promise<void>
}

const origins = new WeakMap<InferenceSession, { readonly bytes: Uint8Array; readonly options: InferenceSession.SessionOptions }>()
let hear: ((heard: Heard) => void) | undefined
let idle = false

/** Begins to listen; sessions made before are not known. */
export function listen(): void {
  const create = InferenceSession.create.bind(InferenceSession) as Create
  const listening: Create = async (bytes, options) => {
    const session = await create(bytes, options)
    origins.set(session, { bytes, options })
    const run: Run = session.run.bind(session)
    let last: ReturnType<Run> | undefined
    const heardRun: Run = (feeds, fetches) => {
      hear?.({ bytes, options, feeds, fetches })
      return idle && last ? last : (last = run(feeds, fetches))
    }
    return Object.assign(session, { run: heardRun })
  }
  Object.assign(InferenceSession, { create: listening, bare: create })
}

/**
 * Least seconds that some work takes while the engine answers at once with its last results: what is ours alone. A least value
 * of many holds on a busy machine too.
 */
export async function withoutEngine(work: () => Promise<unknown>): Promise<number> {
  await work()
  idle = true
  let least = Infinity
  for (let i = 0; i < 200; i++) {
    const started = performance.now()
    await work()
    least = Math.min(least, performance.now() - started)
  }
  idle = false
  return least / 1000
}

/** Does some work once and gives its runs back as bare ones, with sessions of their own. */
export async function bareRunsOf(work: () => Promise<unknown>): Promise<Bare> {
  const heard: Heard[] = []
  hear = (run) => void heard.push(run)
  await work()
  hear = undefined
  const create = (InferenceSession as unknown as { bare: Create }).bare
  const sessions = new Map<Uint8Array, InferenceSession>()
  for (const { bytes, options } of heard) if (!sessions.has(bytes)) sessions.set(bytes, await create(bytes, options))
  const steps = heard.map(({ bytes, feeds, fetches }) => ({ session: sessions.get(bytes), feeds, fetches }))
  return {
    async run() {
      for (const { session, feeds, fetches } of steps) await session?.run(feeds, fetches)
    },
    async dispose() {
      for (const session of sessions.values()) await session.release()
    },
  }
}
