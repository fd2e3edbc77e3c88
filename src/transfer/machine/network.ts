/** @file The check of the network: whether the server of the weights answers. */
import { firstAddress, releaseOf } from '../../applications/index.ts'
import { isOffline, unreachable } from '../../files/index.ts'
import type { Answer, Machine } from './check.ts'

const LONGEST_MS = 8000

/** Asks for one byte of the smallest released file, at the mirror where there is one. */
export async function checkNetwork({ environment, askNetwork, signal }: Machine): Promise<Answer> {
  if (isOffline(environment)) return { status: 'ok', found: 'off (ROOTSTOCK_OFFLINE)' }
  const { address, rules } = firstAddress(releaseOf('mobilenet', { includeTop: false, alpha: 0.25 }), environment)
  const proxy = environment['HTTPS_PROXY'] ?? environment['https_proxy']
  const way = [
    environment['ROOTSTOCK_MIRROR'] ? ', the mirror of ROOTSTOCK_MIRROR' : '',
    proxy ? ', through the proxy of HTTPS_PROXY' : '',
  ].join('')
  const { host } = new URL(address)
  if (!askNetwork) return { status: 'ok', found: `allowed, not tried: ${host}${way}` }
  const timeout = AbortSignal.timeout(LONGEST_MS)
  const problem = await unreachable(address, { ...rules, connectMs: LONGEST_MS }, signal ? AbortSignal.any([signal, timeout]) : timeout)
  if (problem === undefined) return { status: 'ok', found: `${host} answers${way}` }
  return {
    status: 'warn',
    found: `${host} does not give weights${way}: ${problem}`,
    hint: 'Weights that are not here cannot be fetched: check the network, HTTPS_PROXY or ROOTSTOCK_MIRROR, or set ROOTSTOCK_OFFLINE=1',
  }
}
