/** @file Fetches a file once and whole: mirrors in order, resumed after a break, checked before it takes its name. */
import * as fs from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { RootstockError } from '../errors.ts'
import { errnoOf, fileError, formatBytes } from './file-error.ts'
import { fileHash } from './file-hash.ts'
import { withLock, type Lock } from './lock.ts'
import { makeFolder } from './make-folder.ts'
import { ask, openConnections, type Failure, type NetworkRules } from './network.ts'
import { discardNote, discardPart, HEAD_BYTES, partOf, partSize, receive, resumeHeaders, resumePoint, startsLike } from './partial.ts'
import type { BodyLimits, FileFormat, OnBytes } from './partial.ts'

/** How far a download is. */
export interface DownloadProgress {
  /** "waiting": another process fetches the same file. */
  readonly phase: 'waiting' | 'receiving'
  /** Bytes here, including those of an earlier, broken download. */
  readonly received: number
  /** Bytes of the whole file, where the server says. */
  readonly total: number | undefined
  /** Since this process began. */
  readonly bytesPerSecond: number
  readonly secondsLeft: number | undefined
}

/** What a file on disk must satisfy. */
export interface FileCheck {
  /** MD5 (32 hexadecimal digits) or SHA-256 (64) of the file; one of several is enough, none means unchecked. */
  readonly hashes?: readonly string[] | undefined
  readonly format?: FileFormat | undefined
}

/** Options of `download`. */
export interface DownloadOptions extends FileCheck, NetworkRules {
  /** Bodies beyond this many bytes are refused. */
  readonly maxBytes: number
  /** At most ten times a second, and once at the end. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** Milliseconds before a broken transfer is taken up again, doubled each time; default 500. */
  readonly retryMs?: number | undefined
}

/** The hash that fitted, or what is wrong with the file. */
export type FileVerdict = { readonly ok: true; readonly hash: string | undefined } | { readonly ok: false; readonly problem: string }

const TRIES_WITHOUT_PROGRESS = 3
const MAX_TRIES = 50

/**
 * Makes sure that `target` is a file that passes the check, fetching it from the first of `urls` that gives it. Returns the hash that
 * fitted. Safe to run in several processes at once: one fetches, the others wait. Throws NETWORK (all addresses failed), FILE (the disk
 * failed) or CANCELED; a file at `target` is replaced only by one that passes.
 */
export async function download(urls: readonly string[], target: string, options: DownloadOptions): Promise<string | undefined> {
  const present = await verdictOf(target, options)
  if (present?.ok) return present.hash
  const meter = progressMeter(target, options.onProgress)
  try {
    makeFolder(dirname(target))
    return await withLock(`${target}.lock`, (lock) => fetchUnderLock(urls, target, { ...options, lock, onBytes: meter.onBytes }), {
      signal: options.signal,
      onWait: meter.onWait,
    })
  } catch (error) {
    if (!options.signal?.aborted || error instanceof RootstockError) throw fileError(error, target, { action: 'write' })
    const hint = 'Run it again; it goes on where it stopped'
    throw new RootstockError('CANCELED', `Download of ${basename(target)} was canceled`, { hint, cause: error })
  }
}

/** Looks at the first bytes of a file and computes its hash; throws FILE when it cannot be read. */
export async function verifyFile(path: string, { hashes = [], format }: FileCheck): Promise<FileVerdict> {
  const head = format ? await headOf(path, HEAD_BYTES) : undefined
  if (format && head && !startsLike(head, format)) return { ok: false, problem: `found no ${format.name} file` }
  const [size, whole] = [fs.statSync(path).size, head && format?.sizeIn?.(head)]
  if (whole !== undefined && size < whole)
    return { ok: false, problem: `truncated, ${size.toLocaleString('en-US')} of ${formatBytes(whole)}` }
  const found: string[] = []
  for (const name of ['md5', 'sha256'] as const) {
    const wanted = hashes.filter((hash) => hash.length === (name === 'md5' ? 32 : 64)).map((hash) => hash.toLowerCase())
    if (wanted.length === 0) continue
    const hash = await fileHash(path, name)
    if (wanted.includes(hash)) return { ok: true, hash }
    found.push(`found ${name.toUpperCase()} ${hash}, expected ${wanted.join(' or ')}`)
  }
  return found.length === 0 ? { ok: true, hash: undefined } : { ok: false, problem: found.join(', ') }
}

interface Job extends DownloadOptions {
  readonly lock: Lock
  readonly onBytes: OnBytes
}

async function fetchUnderLock(urls: readonly string[], target: string, job: Job): Promise<string | undefined> {
  const present = await verdictOf(target, job)
  if (present?.ok) return present.hash
  // Without a hash nothing would show a part that a power cut or a silent former owner spoiled.
  const resumable = (job.hashes ?? []).length > 0
  if (!resumable || job.lock.formerOwnerMayLive) discardPart(target)
  const connections = await openConnections(job)
  const failures: (Failure & { readonly host: string })[] = []
  try {
    for (const url of urls) {
      const result = await fetchFrom(url, target, { ...job, connections })
      if ('ok' in result) return result.hash
      failures.push({ host: new URL(url).host, ...result })
    }
  } finally {
    await connections.destroy()
    if (!resumable) discardPart(target)
  }
  throw new RootstockError('NETWORK', `Cannot download ${basename(target)}: ${listFailures(failures)}`, {
    hint: failures.find(({ hint }) => hint)?.hint ?? `Check the network and HTTPS_PROXY, or put the file at ${target} yourself`,
  })
}

interface Connected extends Job {
  readonly connections: Dispatcher
}

type Fetched = { readonly ok: true; readonly hash: string | undefined } | Failure

/** Takes a broken transfer up again as long as it gets further. */
async function fetchFrom(url: string, target: string, job: Connected): Promise<Fetched> {
  const { retryMs = 500, signal } = job
  let idle = 0
  for (let round = 1; ; round++) {
    const before = partSize(target)
    const result = await attempt(url, target, job)
    if ('ok' in result || !result.again) return result
    idle = partSize(target) > before ? 0 : idle + 1
    if (idle >= TRIES_WITHOUT_PROGRESS || round >= MAX_TRIES) return result
    await sleep(retryMs * 2 ** idle, undefined, signal ? { signal } : {})
  }
}

async function attempt(url: string, target: string, job: Connected): Promise<Fetched> {
  const point = resumePoint(target, url)
  const headers = { 'accept-encoding': 'identity', 'user-agent': 'rootstock', ...resumeHeaders(point) }
  const reply = await ask(job.connections, url, { headers, rules: job, signal: job.signal })
  if ('reason' in reply) return reply
  const limits: BodyLimits = job
  const failure = await receive(reply, target, { url, limits, point, onBytes: job.onBytes, signal: job.signal })
  if (failure) return failure
  const verdict = await verifyFile(partOf(target), job)
  if (verdict.ok) {
    await commit(target, job.lock)
    return verdict
  }
  discardPart(target)
  // Pieces of two downloads may not fit together; a file that came in one piece comes no better a second time.
  return { reason: verdict.problem, again: point !== undefined }
}

/** Gives the checked file its name, so that it survives a power cut. */
async function commit(target: string, lock: Lock): Promise<void> {
  if (!lock.isMine())
    throw new RootstockError('FILE', `Cannot write ${target}: another process took its lock over`, { hint: 'Run it again' })
  try {
    await sync(partOf(target), 'r+')
    fs.renameSync(partOf(target), target)
    discardNote(target)
    if (process.platform !== 'win32') await sync(dirname(target), 'r')
  } catch (error) {
    throw fileError(error, target, { action: 'write', bytes: partSize(target) })
  }
}

async function sync(path: string, flags: string): Promise<void> {
  const handle = await open(path, flags)
  try {
    await handle.sync()
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EBADF'].includes(errnoOf(error))) throw error
  } finally {
    await handle.close()
  }
}

async function verdictOf(target: string, check: FileCheck): Promise<FileVerdict | undefined> {
  return fs.existsSync(target) ? verifyFile(target, check) : undefined
}

async function headOf(path: string, length: number): Promise<Uint8Array> {
  try {
    const handle = await open(path, 'r')
    try {
      // A file that is too short reads as zeros, which no signature begins with.
      const { buffer } = await handle.read(Buffer.alloc(length), 0, length, 0)
      return buffer
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw fileError(error, path, { action: 'read' })
  }
}

/** "a.org and b.org: the host name is unknown"; equal reasons are said once. */
function listFailures(failures: readonly (Failure & { readonly host: string })[]): string {
  const hosts = new Map<string, string[]>()
  for (const { host, reason } of failures) hosts.set(reason, [...(hosts.get(reason) ?? []), host])
  const lines = [...hosts].map(([reason, names]) => `${names.join(' and ')}: ${reason.replace(/^getaddrinfo /, '')}`)
  return lines.join('; ') || 'no address is known'
}

function progressMeter(target: string, onProgress: DownloadOptions['onProgress']): { onBytes: OnBytes; onWait: () => void } {
  let began: { at: number; received: number } | undefined
  let told = -Infinity
  return {
    onWait: () =>
      onProgress?.({ phase: 'waiting', received: partSize(target), total: undefined, bytesPerSecond: 0, secondsLeft: undefined }),
    onBytes: (received, total) => {
      const now = performance.now()
      began = began && began.received <= received ? began : { at: now, received }
      if (now - told < 100 && received !== total) return
      told = now
      const bytesPerSecond = now > began.at ? ((received - began.received) * 1000) / (now - began.at) : 0
      const secondsLeft = total === undefined || bytesPerSecond === 0 ? undefined : (total - received) / bytesPerSecond
      onProgress?.({ phase: 'receiving', received, total, bytesPerSecond, secondsLeft })
    },
  }
}
