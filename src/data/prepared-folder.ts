/** @file Writes a prepared folder under another name beside its place and renames it when it is whole. */
import { constants, existsSync } from 'node:fs'
import { chmod, copyFile, link, lstat, mkdir, readdir, readFile, realpath, rename, rm, rmdir, stat, symlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { RootstockError } from '../errors.ts'
import { checkWritable, makeFolder } from '../files/index.ts'
import { forEachBounded, sha256, throwIfCanceled } from './bytes.ts'
import { explained, systemCode, systemReason } from './failures.ts'
import { counted, isInside, joinPath, printableName } from './names.ts'

/** Whether photos are copied, or share their bytes with the source under a second name, or point at it. */
export type LinkMode = 'copy' | 'hardlink' | 'symlink'

/** One photo and its place: names of folders and file below the prepared folder, byte for byte. */
export interface PreparedFile {
  readonly from: Buffer
  readonly to: readonly Buffer[]
}

/** What is to be written, and where. */
export interface PreparedPlan {
  readonly source: string
  readonly out: string
  readonly files: readonly PreparedFile[]
  readonly link: LinkMode
  readonly force: boolean
  readonly onProgress?: ((done: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Writes the plan's files to `out`, which afterwards holds all of them or is as it was. */
export async function writePrepared(plan: PreparedPlan): Promise<{ isUnchanged: boolean; notes: string[] }> {
  const out = resolve(plan.out)
  await refuseOverlap(plan)
  const state = await stateOf(out, plan)
  if (state === 'same')
    return { isUnchanged: true, notes: [`"${printableName(plan.out)}" already holds these photos: nothing was written`] }
  if (state === 'other' && !plan.force) {
    throw new RootstockError(
      'FILE',
      `Cannot write "${printableName(plan.out)}": the folder holds other files already, expected a new or empty one`,
      {
        hint: 'Choose another folder, delete it, or replace it with --force',
      },
    )
  }
  await explained('FILE', 'write', plan.out, () => makeFolder(dirname(out)))
  await sweep(out)
  const temporary = join(dirname(out), `${temporaryPrefix(out)}${process.pid}`)
  try {
    await explained('FILE', 'write', plan.out, () => mkdir(temporary))
    const notes = await fill(Buffer.from(temporary), plan)
    throwIfCanceled(plan.signal)
    await explained('FILE', 'write', plan.out, () => moveInto(temporary, out))
    return { isUnchanged: false, notes }
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** Throws what `writePrepared` would throw of the place alone: to be asked before photos are looked at, which takes its time. */
export async function checkPlace(source: string, out: string): Promise<void> {
  await refuseOverlap({ source, out })
  if (!existsSync(out)) checkWritable(resolve(out), `"${printableName(out)}"`)
}

async function refuseOverlap({ source, out }: Pick<PreparedPlan, 'source' | 'out'>): Promise<void> {
  const from = await realpath(source, { encoding: 'buffer' })
  const to = await realpath(out, { encoding: 'buffer' }).catch(() => Buffer.from(resolve(out)))
  if (!isInside(from, to)) return
  throw new RootstockError(
    'USAGE',
    `Cannot prepare "${printableName(source)}": the output "${printableName(out)}" is the source or holds it`,
    {
      hint: 'Choose an output folder outside the source',
    },
  )
}

async function stateOf(out: string, plan: PreparedPlan): Promise<'free' | 'same' | 'other'> {
  const found = await lstat(out).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined
    return explained('FILE', 'write', plan.out, () => Promise.reject(error as Error))
  })
  if (!found) return 'free'
  if (!found.isDirectory()) {
    throw new RootstockError('FILE', `Cannot write "${printableName(plan.out)}": found something that is not a folder`, {
      hint: 'Choose another name',
    })
  }
  const present = await explained('FILE', 'read', plan.out, () => filesBelow(Buffer.from(out)))
  if (present.length === 0) return 'free'
  return (await isSame(out, present, plan)) ? 'same' : 'other'
}

async function isSame(out: string, present: readonly Buffer[], { files, signal }: PreparedPlan): Promise<boolean> {
  const wanted = files.map(({ from, to }) => ({ from, to: placeOf(Buffer.from(out), to) }))
  const there = new Set(present.map((path) => path.toString('latin1')))
  if (there.size !== wanted.length || !wanted.every(({ to }) => there.has(to.toString('latin1')))) return false
  let same = true
  const compare = async (index: number): Promise<void> => {
    const pair = wanted[index]
    if (same && pair && !(await haveSameBytes(pair.from, pair.to))) same = false
  }
  await forEachBounded(wanted.length, compare, { signal })
  return same
}

async function haveSameBytes(a: Buffer, b: Buffer): Promise<boolean> {
  const [left, right] = await Promise.all([stat(a), stat(b).catch(() => undefined)])
  if (left.size !== right?.size) return false
  return (left.ino === right.ino && left.dev === right.dev) || sha256(await readFile(a)) === sha256(await readFile(b))
}

async function filesBelow(folder: Buffer): Promise<Buffer[]> {
  const entries = await readdir(folder, { encoding: 'buffer', withFileTypes: true })
  const nested = entries.map(async (entry) => {
    const path = joinPath(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
  return (await Promise.all(nested)).flat()
}

async function fill(root: Buffer, plan: PreparedPlan): Promise<string[]> {
  const folders = new Map(plan.files.map(({ to }) => [Buffer.concat(to.slice(0, -1)).toString('latin1'), placeOf(root, to.slice(0, -1))]))
  for (const folder of folders.values()) await explained('FILE', 'write', plan.out, () => mkdir(folder, { recursive: true }))
  const refused: unknown[] = []
  let done = 0
  const place = async (index: number): Promise<void> => {
    const file = plan.files[index]
    if (!file) return
    const to = placeOf(root, file.to)
    const action = `write to "${printableName(plan.out)}" the copy of`
    const refusal = await explained('FILE', action, file.from, () => placeFile(file.from, to, plan.link))
    if (refusal !== undefined) refused.push(refusal)
    plan.onProgress?.(++done, plan.files.length)
  }
  await forEachBounded(plan.files.length, place, { signal: plan.signal })
  if (plan.link === 'symlink')
    return ['The photos are links to the source: keep it, and read the folder with --follow-links (in code followLinks)']
  return copiedNote(refused)
}

/** Why photos were copied that were to be linked, by what the system said of each. */
export function copiedNote(refused: readonly unknown[]): string[] {
  if (refused.length === 0) return []
  const isElsewhere = systemCode(refused[0]) === 'EXDEV'
  const why = isElsewhere ? 'the output is on another disk' : `the system refused to link them, ${systemReason(refused[0])}`
  return [`Copied, as ${why}: ${counted(refused.length, 'photo')}`]
}

const OWNER_WRITES = 0o200

/** Links or copies; a copy is made where the system refuses a link, and its error returned. */
async function placeFile(from: Buffer, to: Buffer, mode: LinkMode): Promise<unknown> {
  if (mode === 'symlink') return symlink(await realpath(from, { encoding: 'buffer' }), to)
  const refusal = mode === 'hardlink' ? await refusedLink(await realpath(from, { encoding: 'buffer' }), to) : undefined
  if (mode === 'hardlink' && refusal === undefined) return undefined
  await copyFile(from, to, constants.COPYFILE_FICLONE)
  const [source, copy] = await Promise.all([stat(from), stat(to)])
  // The mode is copied, too; what came from a disk that is only read is the user's own from here on.
  if ((copy.mode & OWNER_WRITES) === 0) await chmod(to, copy.mode | OWNER_WRITES)
  if (source.size === copy.size) return refusal
  throw new RootstockError('FILE', `Cannot copy "${printableName(from)}": ${copy.size} of ${source.size} bytes were written`, {
    hint: 'Check the space on the disk, and that nothing changes the photos meanwhile',
  })
}

async function refusedLink(from: Buffer, to: Buffer): Promise<unknown> {
  try {
    await link(from, to)
    return undefined
  } catch (error) {
    if (['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes(systemCode(error) ?? '')) return error
    throw error
  }
}

/** An old folder is moved aside first and comes back when the new one cannot take its place. */
async function moveInto(temporary: string, out: string): Promise<void> {
  const old = `${temporary}.old`
  const hadOld = await rename(out, old).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === 'ENOENT') return false
      throw error
    },
  )
  try {
    await rename(temporary, out)
  } catch (error) {
    if (hadOld) await rename(old, out)
    throw error
  }
  if (hadOld) await rmdir(old).catch(() => rm(old, { recursive: true, force: true }))
}

function temporaryPrefix(out: string): string {
  return `.${basename(out).slice(0, 100)}.preparing-`
}

/** Removes what runs that were killed left beside `out`; a live process keeps its folder. */
async function sweep(out: string): Promise<void> {
  const prefix = temporaryPrefix(out)
  for (const name of await readdir(dirname(out)).catch(() => [])) {
    const owner = name.startsWith(prefix) ? /^(\d+)$/.exec(name.slice(prefix.length))?.[1] : undefined
    if (owner !== undefined && (Number(owner) === process.pid || !isAlive(Number(owner))))
      await rm(join(dirname(out), name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

function placeOf(root: Buffer, names: readonly Buffer[]): Buffer {
  return names.reduce((folder, name) => joinPath(folder, name), root)
}
