/** @file The first Ctrl-C ends a run cleanly, the second one at once. */
import { RootstockError } from '../errors.ts'
import { SIGNAL_CODES, type StopSignal } from './exit-codes.ts'

/** The signals of this process while a command runs. */
export interface Interrupt {
  readonly signal: AbortSignal
  /** The signal that was caught. */
  readonly caught: () => StopSignal | undefined
  /** Rejects with CANCELED at the first signal. */
  readonly stopped: Promise<never>
  close(): void
}

/** Listens to SIGINT, SIGTERM and SIGHUP; `onFirst` is told of the first. */
export function watchSignals(onFirst: (name: StopSignal) => void): Interrupt {
  const controller = new AbortController()
  let caught: StopSignal | undefined
  let reject: (error: RootstockError) => void = () => undefined
  const stopped = new Promise<never>((_, fail) => (reject = fail))
  stopped.catch(() => undefined)
  const listener = (name: StopSignal): void => {
    // A terminal that is closed says so twice: the system tells its processes, and the shell its jobs.
    if (caught && name === 'SIGHUP') return
    if (caught) process.exit(SIGNAL_CODES[name])
    caught = name
    const error = new RootstockError('CANCELED', `Stopped by ${name}`)
    controller.abort(error)
    reject(error)
    onFirst(name)
  }
  const names = Object.keys(SIGNAL_CODES) as StopSignal[]
  for (const name of names) process.on(name, listener)
  return {
    signal: controller.signal,
    caught: () => caught,
    stopped,
    close: () => names.forEach((name) => process.off(name, listener)),
  }
}
