/** @file remoteMonitor: posts the figures of every epoch to a server. */
import { messageOf, refuseUnknown } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import type { Callback } from '../callback.ts'
import { warnOnce } from './warn-once.ts'

/** What `remoteMonitor` takes. */
export interface RemoteMonitorOptions {
  /** Default `http://localhost:9000`. */
  readonly root?: string
  /** Appended to `root`; default `/publish/epoch/end/`. */
  readonly path?: string
  /** Field of the form that holds the JSON; default `data`. */
  readonly field?: string
  /** Added to the request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Send JSON instead of a form; default false. */
  readonly sendAsJson?: boolean
}

const OPTIONS: Readonly<Record<keyof RemoteMonitorOptions, true>> = { root: true, path: true, field: true, headers: true, sendAsJson: true }

const NAME = 'remoteMonitor'
/** Training must not stand still for a server that does not answer. */
const patience = 10_000

/** Posts `{ epoch, ...logs }` after every epoch, epochs from 0; Keras's RemoteMonitor. A server that cannot be reached costs a warning. */
export function remoteMonitor(options: RemoteMonitorOptions = {}): Callback {
  refuseUnknown('remoteMonitor', options, OPTIONS)
  const { root = 'http://localhost:9000', path = '/publish/epoch/end/', field = 'data', headers = {}, sendAsJson = false } = options
  checksFor(NAME).require(URL.canParse(root + path), 'root', root, 'the address of a server')
  const warnings = warnOnce(NAME)
  return {
    name: NAME,
    onTrainBegin: () => warnings.reset(),
    async onEpochEnd(epoch, logs, control) {
      // JSON has no NaN and no infinity: they are sent as null.
      const json = JSON.stringify({ epoch, ...logs })
      const body = sendAsJson ? json : new URLSearchParams({ [field]: json })
      const type = sendAsJson ? { 'content-type': 'application/json' } : undefined
      try {
        const response = await fetch(root + path, {
          method: 'POST',
          body,
          headers: { ...type, ...headers },
          signal: AbortSignal.timeout(patience),
        })
        await response.arrayBuffer()
      } catch (error) {
        warnings.warn(`Could not reach the server at ${root}: ${messageOf(error)}`, control)
      }
    },
  }
}
