/** @file A download in progress: the bytes that came so far, beside the target, and whose version of the file they belong to. */
import * as fs from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { fileError, formatBytes } from './file-error.ts'
import { drop, failureOf, type Failure, type Reply } from './network.ts'

/** A kind of file, told by its first bytes. */
export interface FileFormat {
  /** As messages name it: "HDF5". */
  readonly name: string
  readonly signature: Uint8Array
  /** Bytes of the whole file, where its first 64 say so: a file without a hash is known to be cut by nothing else. */
  readonly sizeIn?: (head: Uint8Array) => number | undefined
}

/** As many bytes as `sizeIn` looks at. */
export const HEAD_BYTES = 64

/** What a body must satisfy. */
export interface BodyLimits {
  readonly maxBytes: number
  readonly format?: FileFormat | undefined
}

/** Where a broken transfer goes on. */
export interface ResumePoint {
  readonly url: string
  /** Strong entity tag: the same tag is the same bytes. */
  readonly etag: string
  /** Bytes of the whole file. */
  readonly total: number
  /** Bytes that are here already. */
  readonly size: number
}

/** Told after each piece: bytes here, bytes of the whole file where the server says. */
export type OnBytes = (received: number, total: number | undefined) => void

/** Path of the bytes of an unfinished download of `target`. */
export function partOf(target: string): string {
  return `${target}.part`
}

/** Forgets what came so far. */
export function discardPart(target: string): void {
  fs.rmSync(partOf(target), { force: true })
  fs.rmSync(noteOf(target), { force: true })
}

/** Forgets only whose bytes they are, once the part has become the target. */
export function discardNote(target: string): void {
  fs.rmSync(noteOf(target), { force: true })
}

/** Bytes that came so far. */
export function partSize(target: string): number {
  return fs.statSync(partOf(target), { throwIfNoEntry: false })?.size ?? 0
}

/** Where a download of `target` from `url` can go on, if it can. */
export function resumePoint(target: string, url: string): ResumePoint | undefined {
  const size = partSize(target)
  const note = readNote(target)
  return note?.url === url && size > 0 && size < note.total ? { ...note, size } : undefined
}

/** The header fields that ask for the rest of the same version, or for the file from its start when it has changed. */
export function resumeHeaders(point: ResumePoint | undefined): Record<string, string> {
  return point ? { range: `bytes=${point.size}-`, 'if-range': point.etag } : {}
}

/** Adds the body of `reply` to the part of `target`; throws FILE when the disk fails. */
export async function receive(reply: Reply, target: string, context: ReceiveContext): Promise<Failure | undefined> {
  const plan = planOf(reply, context)
  if ('reason' in plan) {
    drop(reply.body)
    if (plan.startOver) discardPart(target)
    return plan
  }
  try {
    return await fill(reply, plan, target, context)
  } finally {
    drop(reply.body)
  }
}

/** What `receive` has to know besides the reply. */
export interface ReceiveContext {
  readonly url: string
  readonly limits: BodyLimits
  readonly point: ResumePoint | undefined
  readonly onBytes: OnBytes
  readonly signal?: AbortSignal | undefined
}

interface Plan {
  /** Where in the file the body begins. */
  readonly offset: number
  readonly total: number | undefined
}

interface BadReply extends Failure {
  /** Whether the bytes that are here are of no use either. */
  readonly startOver?: boolean
}

/** Reads the head of the reply: what its body is, or why it is not wanted. */
function planOf({ status, headers }: Reply, { point, limits }: ReceiveContext): Plan | BadReply {
  if (status === 416) return { reason: 'the server has no such part of the file', again: true, startOver: true }
  if (status !== 200 && status !== 206) return { reason: `got status ${status}, expected 200`, again: status === 429 || status >= 500 }
  const type = headers['content-type'] ?? ''
  if (/^(text\/html|application\/xhtml)/i.test(type)) return notThisFormat(type.replace(/;.*/s, ''), limits)
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') return { reason: `got a body compressed with ${encoding}, expected the file itself`, again: false }
  const plan = status === 206 ? rangeOf(headers, point) : { offset: 0, total: lengthOf(headers['content-length']) }
  if ('reason' in plan) return plan
  return plan.total !== undefined && plan.total > limits.maxBytes ? tooLarge(formatBytes(plan.total), limits) : plan
}

/** A part of the file is taken only when it is the part that was asked for, of the version that is here. */
function rangeOf(headers: Reply['headers'], point: ResumePoint | undefined): Plan | BadReply {
  const range = headers['content-range'] ?? 'none'
  const [, from, , total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range) ?? []
  const wanted = point ? `bytes ${point.size}-${point.total - 1}/${point.total}` : 'the whole file'
  const sameVersion = headers.etag === undefined || headers.etag === point?.etag
  if (!point || Number(from) !== point.size || Number(total) !== point.total || !sameVersion) {
    return { reason: `got the range ${range}${sameVersion ? '' : ' of another version'}, expected ${wanted}`, again: true, startOver: true }
  }
  return { offset: point.size, total: point.total }
}

function lengthOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

async function fill(reply: Reply, plan: Plan, target: string, context: ReceiveContext): Promise<Failure | undefined> {
  const { offset, total } = plan
  const path = partOf(target)
  const fail = (error: unknown) => fileError(error, path, { action: 'write', bytes: total })
  if (offset === 0) startPart(target, { url: context.url, etag: reply.headers.etag, total }, fail)
  const file = await open(path, 'a').catch((error: unknown) => {
    throw fail(error)
  })
  try {
    const write = (piece: Uint8Array) =>
      file.writeFile(piece).catch((error: unknown) => {
        throw fail(error)
      })
    const failure = await pump(reply.body, plan, { ...context, write })
    if (failure && !failure.again) discardPart(target)
    return failure
  } finally {
    await closeQuietly(file)
  }
}

interface PumpContext extends ReceiveContext {
  readonly write: (piece: Uint8Array) => Promise<void>
}

/** Moves the body to the disk piece by piece, and stops it at the first sign that it is not the file. */
async function pump(body: Readable, { offset, total }: Plan, context: PumpContext): Promise<Failure | undefined> {
  const { limits, onBytes, write, signal } = context
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>
  let received = offset
  let head: Uint8Array = new Uint8Array(0)
  for (;;) {
    const next = await pieces.next().catch((error: unknown) => {
      if (signal?.aborted) throw error
      return failureOf(error)
    })
    if ('reason' in next) return next
    if (next.done) break
    if (offset === 0 && limits.format && head.length < limits.format.signature.length) {
      head = Buffer.concat([head, next.value]).subarray(0, limits.format.signature.length)
      if (!startsLike(head, limits.format)) return notThisFormat('other bytes', limits)
    }
    received += next.value.length
    if (received > limits.maxBytes) return tooLarge('more', limits)
    if (total !== undefined && received > total) return { reason: `got more than the ${formatBytes(total)} it announced`, again: false }
    await write(next.value)
    onBytes(received, total)
  }
  if (total !== undefined && received < total) return { reason: `got ${received} of ${formatBytes(total)}`, again: true }
  return undefined
}

/** Whether `head`, which may be cut short, is a beginning of `format`. */
export function startsLike(head: Uint8Array, format: FileFormat): boolean {
  return head.every((byte, i) => i >= format.signature.length || byte === format.signature[i])
}

function notThisFormat(found: string, { format }: BodyLimits): Failure {
  return {
    reason: `got ${found}, expected ${format?.name ?? 'a file'}`,
    again: false,
    hint: 'A login page or a proxy seems to answer: log in, set HTTPS_PROXY, or name a mirror',
  }
}

function tooLarge(found: string, { maxBytes }: BodyLimits): Failure {
  return { reason: `got ${found}, expected at most ${formatBytes(maxBytes)}`, again: false }
}

interface Note {
  readonly url: string
  readonly etag: string | undefined
  readonly total: number | undefined
}

function noteOf(target: string): string {
  return `${target}.part.json`
}

/** The note is gone before the old bytes are, so it can never describe other bytes than those that are here. */
function startPart(target: string, note: Note, fail: (error: unknown) => Error): void {
  try {
    discardNote(target)
    fs.writeFileSync(partOf(target), '')
    if (note.total !== undefined && note.etag?.startsWith('"')) fs.writeFileSync(noteOf(target), JSON.stringify(note))
  } catch (error) {
    throw fail(error)
  }
}

function readNote(target: string): { url: string; etag: string; total: number } | undefined {
  try {
    const { url, etag, total } = JSON.parse(fs.readFileSync(noteOf(target), 'utf8')) as Partial<Note>
    return typeof url === 'string' && typeof etag === 'string' && Number.isSafeInteger(total)
      ? { url, etag, total: Number(total) }
      : undefined
  } catch {
    return undefined
  }
}

async function closeQuietly(file: FileHandle): Promise<void> {
  await file.close().catch(() => undefined)
}
