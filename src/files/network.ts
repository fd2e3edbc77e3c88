/** @file Requests that only reach allowed hosts: HTTPS, every redirect and every resolved address checked, proxies of the environment. */
import { lookup } from 'node:dns/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { RootstockError, messageOf } from '../errors.ts'
import { errnoOf } from './file-error.ts'

/** Where requests may go, and how long they may take. */
export interface NetworkRules {
  /** Hosts ("github.com") that may be asked over HTTPS, at public addresses only. */
  readonly allowHosts: readonly string[]
  /** Origins ("http://nexus.local:8081") that a person has named: neither HTTPS nor a public address is demanded of them. */
  readonly trustedOrigins?: readonly string[] | undefined
  /** Finds the addresses of a host; the system's resolver by default. */
  readonly resolve?: ((host: string) => Promise<readonly Address[]>) | undefined
  /** Milliseconds until a connection must stand; default 15,000. */
  readonly connectMs?: number | undefined
  /** Milliseconds without a byte after which a transfer counts as broken; default 30,000. */
  readonly idleMs?: number | undefined
}

/** A resolved address. */
export interface Address {
  readonly address: string
  readonly family: number
}

/** Why a request or a transfer did not succeed. */
export interface Failure {
  /** What was found and what was expected: "got text/html, expected HDF5". */
  readonly reason: string
  /** Whether the same request may succeed when it is repeated at once. */
  readonly again: boolean
  readonly hint?: string
}

/** The answer to a request, after all redirects. */
export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Readable
}

/** A request as `ask` sends it. */
export interface Request {
  readonly headers: Readonly<Record<string, string>>
  readonly rules: NetworkRules
  readonly signal?: AbortSignal | undefined
}

const MAX_REDIRECTS = 5

/** Connections under `rules`, through HTTPS_PROXY, HTTP_PROXY and NO_PROXY; the caller destroys them. */
export async function openConnections(rules: NetworkRules): Promise<Dispatcher> {
  // undici is loaded only when something is fetched: most runs find their files in the cache.
  const { EnvHttpProxyAgent } = await import('undici')
  const { connectMs = 15_000 } = rules
  try {
    return new EnvHttpProxyAgent({
      connect: { timeout: connectMs, lookup: guardedLookup(rules) },
      proxyTls: { timeout: connectMs },
      // Most proxies open tunnels to port 443 only; plain addresses are asked for in plain words.
      proxyTunnel: false,
    })
  } catch (error) {
    // The address itself stays out of the message: it may hold a password.
    throw new RootstockError('NETWORK', 'Cannot use the proxy of the environment: its address is not a URL', {
      hint: 'Write HTTPS_PROXY and HTTP_PROXY as http://host:port',
      cause: error,
    })
  }
}

/** Gets `address`, following redirects that keep to the rules; throws only when the signal ends it. */
export async function ask(connections: Dispatcher, address: string, request: Request): Promise<Reply | Failure> {
  const { request: send } = await import('undici')
  const { idleMs = 30_000 } = request.rules
  let url = new URL(address)
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const refusal = refusalOf(url, request.rules)
    if (refusal !== undefined) return refused(hop === 0 ? refusal : `sent on to ${show(url)}: ${refusal}`)
    try {
      const limits = { headersTimeout: idleMs, bodyTimeout: idleMs, ...(request.signal && { signal: request.signal }) }
      const options = { dispatcher: connections, headers: request.headers, ...limits }
      const { statusCode: status, headers, body } = await send(url, options)
      if (![301, 302, 303, 307, 308].includes(status)) return { status, headers, body }
      drop(body)
      const next = redirectOf(headers['location'], url)
      if (!next) return refused(`got status ${status} without a readable address, expected the file`)
      url = next
    } catch (error) {
      if (request.signal?.aborted) throw error
      return failureOf(error)
    }
  }
  return refused(`sent on more than ${MAX_REDIRECTS} times`)
}

function redirectOf(location: string | string[] | undefined, from: URL): URL | undefined {
  return typeof location === 'string' && URL.canParse(location, from.href) ? new URL(location, from) : undefined
}

/** Ends a transfer whose rest is of no interest. */
export function drop(body: Readable): void {
  body.on('error', () => undefined).destroy()
}

/** A failure of the connection in words. */
export function failureOf(error: unknown): Failure {
  if (error instanceof RootstockError) return { reason: error.message, again: false }
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  const proxyStatus = /^Proxy response \((\d+)\)/.exec(messageOf(first))?.[1]
  if (proxyStatus !== undefined) return refused(`the proxy answered with status ${proxyStatus}, expected a connection`)
  const code = errnoOf(first)
  const known = REASONS.get(code)
  const again = code === '' || code.startsWith('HPE_') || BREAKS.has(code)
  return { reason: `${known ?? messageOf(first)}${code === '' ? '' : ` (${code})`}`, again }
}

const BREAKS: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'UND_ERR_SOCKET',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
])

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'the host name is unknown, so there may be no network'],
  ['EAI_AGAIN', 'the host name cannot be looked up, so there may be no network'],
  ['ECONNREFUSED', 'the connection was refused'],
  ['ENETUNREACH', 'there is no network'],
  ['EHOSTUNREACH', 'the host cannot be reached'],
  ['ECONNRESET', 'the connection broke'],
  ['UND_ERR_SOCKET', 'the connection broke'],
  ['UND_ERR_CONNECT_TIMEOUT', 'no connection came about in time'],
  ['UND_ERR_HEADERS_TIMEOUT', 'no answer came in time'],
  ['UND_ERR_BODY_TIMEOUT', 'the transfer stalled'],
])

function refused(reason: string): Failure {
  return { reason, again: false }
}

/** Why the rules forbid an address, if they do. */
function refusalOf(url: URL, { allowHosts, trustedOrigins = [] }: NetworkRules): string | undefined {
  if (trustedOrigins.includes(url.origin)) return undefined
  if (url.protocol !== 'https:') return `the address begins with ${url.protocol}, expected https:`
  if (url.username !== '' || url.password !== '') return 'the address holds a password, expected none'
  if (!allowHosts.includes(url.host)) return `the host is not one of ${allowHosts.join(', ')}`
  return isPrivate(url.hostname.replace(/^\[|\]$/g, '')) ? 'the address is a private one' : undefined
}

/** Without the query: it may hold a signature. */
function show(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`
}

/**
 * The address that is checked is the address that is connected to, so a name server cannot answer differently in between. Behind a
 * proxy the proxy looks names up; the host list and the certificate are the guard there.
 */
function guardedLookup({ trustedOrigins = [], resolve = (host) => lookup(host, { all: true }) }: NetworkRules): LookupFunction {
  const trusted = new Set(trustedOrigins.map((origin) => new URL(origin).hostname))
  return (host, options, callback) => {
    resolve(host).then(
      (addresses) => {
        const wrong = trusted.has(host) ? undefined : addresses.find(({ address }) => isPrivate(address))
        const [first] = addresses
        if (wrong) callback(new RootstockError('NETWORK', `${host} leads to the private address ${wrong.address}`), '')
        else if (!first) callback(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '')
        else if (options.all) callback(null, [...addresses])
        else callback(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    )
  }
}

/** Whether a text is an IP address that no public server has; IPv4 inside IPv6 counts as IPv4. */
export function isPrivate(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && PRIVATE.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

const PRIVATE = new BlockList()
const PRIVATE_RANGES = [
  // This network, private, shared, loopback, link-local (also the metadata services of clouds), multicast, reserved. 198.18.0.0/15 is
  // left out: some local proxies answer every name with an address from it.
  ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.168.0.0/16'],
  ['224.0.0.0/4', '240.0.0.0/4', '::/127', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8', '2002::/16'],
  // The same IPv4 ranges behind the IPv6 prefix of address translators.
  ['64:ff9b::a00:0/104', '64:ff9b::7f00:0/104', '64:ff9b::a9fe:0/112', '64:ff9b::ac10:0/108', '64:ff9b::c0a8:0/112', '64:ff9b::/104'],
]
PRIVATE_RANGES.flat().forEach(block)

function block(range: string): void {
  const [address = '', bits] = range.split('/')
  PRIVATE.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4')
}
