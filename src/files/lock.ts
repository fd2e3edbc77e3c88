/** @file One process at a time: a lock file that names its owner, so that the lock of a dead process can be taken over. */
import { randomUUID } from 'node:crypto'
import * as fs from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryBeside } from './atomic-write.ts'
import { errnoOf, fileError } from './file-error.ts'

/** What the work under a lock may ask. */
export interface Lock {
  /** False once another process has taken the lock over; then nothing may be committed. */
  isMine(): boolean
  /** Whether the former owner fell silent without being known dead: it may still write to files that it had open. */
  readonly formerOwnerMayLive: boolean
}

/** Who holds a lock. */
export interface Holder {
  readonly pid: number
  /** Whether it is a process of this machine, which is alive then. */
  readonly isHere: boolean
}

/** Options of `withLock`. */
export interface LockOptions {
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined
  /** Called once when another process holds the lock; what it throws ends the wait. */
  readonly onWait?: ((holder: Holder | undefined) => void) | undefined
  /** Milliseconds between two looks at a held lock; default 200. */
  readonly pollMs?: number | undefined
  /** A lock that its owner has not touched for so many milliseconds is taken over; default 60,000. */
  readonly patienceMs?: number | undefined
}

/** Runs `work` while holding the lock file `path`; waits while a living process holds it. Throws FILE when it cannot be written. */
export async function withLock<T>(path: string, work: (lock: Lock) => Promise<T>, options: LockOptions = {}): Promise<T> {
  const { patienceMs = 60_000 } = options
  const mine = JSON.stringify(thisProcess())
  const formerOwnerMayLive = await acquire(path, mine, options)
  const heartbeat = setInterval(() => touch(path), patienceMs / 6).unref()
  try {
    return await work({ isMine: () => read(path)?.text === mine, formerOwnerMayLive })
  } finally {
    clearInterval(heartbeat)
    if (read(path)?.text === mine) fs.rmSync(path, { force: true })
  }
}

/** Returns whether the lock was taken from an owner that may still live. */
async function acquire(path: string, mine: string, options: LockOptions): Promise<boolean> {
  const { signal, onWait, pollMs = 200, patienceMs = 60_000 } = options
  let watched = { state: '', since: performance.now() }
  let waited = false
  let formerOwnerMayLive = false
  while (!create(path, mine)) {
    const found = read(path)
    if (!found) continue
    // The own steady clock measures the silence, so a wrong clock at a file server does no harm.
    if (found.state !== watched.state) watched = { state: found.state, since: performance.now() }
    const silent = performance.now() - watched.since > patienceMs
    if (silent || isDead(found.text)) {
      formerOwnerMayLive ||= !isDead(found.text)
      takeAway(path, found.text)
      continue
    }
    if (!waited) onWait?.(holderOf(found.text))
    waited = true
    await sleep(pollMs, undefined, signal ? { signal } : {})
  }
  return formerOwnerMayLive
}

/** The lock appears with its owner in it: a process killed between making and filling it would leave a lock that nobody owns. */
function create(path: string, text: string): boolean {
  const aside = temporaryBeside(path)
  try {
    fs.writeFileSync(aside, text, { flag: 'wx' })
    return linkOrWrite(aside, path, text)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw fileError(error, path, { action: 'write' })
  } finally {
    fs.rmSync(aside, { force: true })
  }
}

/** Some file systems have no hard links; there the lock is filled a moment after it is made. */
function linkOrWrite(aside: string, path: string, text: string): boolean {
  try {
    fs.linkSync(aside, path)
  } catch (error) {
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'].includes(errnoOf(error))) throw error
    fs.writeFileSync(path, text, { flag: 'wx' })
  }
  return true
}

interface LockFile {
  readonly text: string
  /** Changes with every sign of life. */
  readonly state: string
}

function read(path: string): LockFile | undefined {
  try {
    const text = fs.readFileSync(path, 'utf8')
    return { text, state: `${text} ${fs.statSync(path).mtimeMs}` }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw fileError(error, path, { action: 'read' })
  }
}

/** Of several processes that find the same dead lock, one rename wins; a lock renewed in between is given back. */
function takeAway(path: string, seen: string): void {
  const aside = temporaryBeside(path)
  try {
    fs.renameSync(path, aside)
    if (fs.readFileSync(aside, 'utf8') !== seen) fs.linkSync(aside, path)
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(errnoOf(error))) throw fileError(error, path, { action: 'take over' })
  } finally {
    fs.rmSync(aside, { force: true })
  }
}

function touch(path: string): void {
  try {
    fs.utimesSync(path, new Date(), new Date())
  } catch {
    // A lock that is gone shows itself in `isMine`.
  }
}

interface Owner {
  readonly token: string
  /** Host and process namespace: only within both does a process id mean something. */
  readonly machine: string
  readonly boot: string
  readonly pid: number
  /** Start of the process in clock ticks since boot: a process id is given out again. */
  readonly start: string
}

function thisProcess(): Owner {
  return { token: randomUUID(), machine: machine(), boot: bootId(), pid: process.pid, start: startOf(process.pid) }
}

function isDead(text: string): boolean {
  const owner = parseOwner(text)
  if (!owner || owner.machine !== machine()) return false
  return owner.boot !== bootId() || !isAlive(owner.pid) || !startedThen(owner)
}

/** An emulator tells a process of its own start some ticks late; nobody gets the process id of another one within seconds. */
function startedThen({ pid, start }: Owner): boolean {
  const now = startOf(pid)
  // Where processes of others are hidden, one that is there is believed to be the owner, as long as it gives signs of life.
  return now === '' || now === start || Math.abs(Number(now) - Number(start)) < EMULATED_TICKS
}

/** Five seconds in the ticks that Linux counts to programs. */
const EMULATED_TICKS = 500

function holderOf(text: string): Holder | undefined {
  const owner = parseOwner(text)
  return owner && { pid: owner.pid, isHere: owner.machine === machine() }
}

/** A lock file that its owner has not filled yet names nobody. */
function parseOwner(text: string): Owner | undefined {
  try {
    const value = JSON.parse(text) as Partial<Owner> | null
    const { token, machine: host, boot, pid, start } = value ?? {}
    if (typeof host !== 'string' || typeof boot !== 'string' || typeof start !== 'string' || typeof pid !== 'number') return undefined
    return { token: String(token), machine: host, boot, pid, start }
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}

function machine(): string {
  return `${hostname()} ${orEmpty(() => fs.readlinkSync('/proc/self/ns/pid'))}`
}

function bootId(): string {
  return orEmpty(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
}

/** The name in the second field may hold spaces and brackets, so the fields are counted from its end. */
function startOf(pid: number): string {
  const stat = orEmpty(() => fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

/** Systems without /proc know less about a process; there its id and its silence decide. */
function orEmpty(ask: () => string): string {
  try {
    return ask()
  } catch {
    return ''
  }
}
