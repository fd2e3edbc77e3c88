/** @file Whether an address answers, without fetching what lies there. */
import { messageOf } from '../errors.ts'
import { ask, drop, openConnections, type NetworkRules } from './network.ts'

/** Undefined where `address` answered with less than an error; else what happened instead. */
export async function unreachable(address: string, rules: NetworkRules, signal?: AbortSignal): Promise<string | undefined> {
  try {
    const connections = await openConnections(rules)
    try {
      const reply = await ask(connections, address, { headers: { range: 'bytes=0-0' }, rules, signal })
      if ('reason' in reply) return reply.reason
      drop(reply.body)
      return reply.status < 400 ? undefined : `it answered with status ${reply.status}`
    } finally {
      await connections.destroy()
    }
  } catch (error) {
    return signal?.aborted ? 'no answer came in time' : messageOf(error)
  }
}
