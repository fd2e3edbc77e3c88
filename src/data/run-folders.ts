/** @file Recognises what this program leaves beside photos: the folder of a run, a folder of such, and what `prepare` has sorted. */
import { opendir, readdir, readFile, stat } from 'node:fs/promises'
import { joinPath } from './names.ts'
import { PARTS } from './parts.ts'

/** Why such a folder is left out of a scan: the pictures in it are figures of a run, and no photos. */
export const OF_RUNS = 'a folder of runs'

/** Why the folder that `prepare` wrote is left out beside its own source: its photos are those of the classes already. */
export const OF_COPIES = 'a folder of prepared copies'

/** A run.json is a few kilobytes; a longer file of this name is something else. */
const LONGEST = 2 ** 24

/** Whether a folder holds a run, or runs and no picture beside them. */
export async function isOfRuns(folder: Buffer, isPicture: (name: Buffer) => boolean): Promise<boolean> {
  return (await isRun(folder)) || (await isBegun(folder)) || (await holdsOnlyRuns(folder, isPicture))
}

/** NETWORK-DATE-TIME, as new runs are called. */
const RUN_NAME = /-\d{8}-\d{6}(-\d+)?$/

/** A run takes its folder before it looks at photos, and has written nothing by then. */
async function isBegun(folder: Buffer): Promise<boolean> {
  if (!RUN_NAME.test(folder.toString('latin1'))) return false
  const names = await readdir(folder).catch(() => ['?'])
  return names.every((name) => name === 'run.lock')
}

async function isRun(folder: Buffer): Promise<boolean> {
  const file = joinPath(folder, Buffer.from('run.json'))
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile() || found.size > LONGEST) return false
  try {
    const settings: unknown = JSON.parse(await readFile(file, 'utf8'))
    // Other programs may have a run.json too; ours names the version that wrote it.
    return typeof settings === 'object' && settings !== null && 'rootstock' in settings
  } catch {
    return false
  }
}

/** Ends at the first photo, so that a class of many photos is not listed once more. */
async function holdsOnlyRuns(folder: Buffer, isPicture: (name: Buffer) => boolean): Promise<boolean> {
  let runs = 0
  // This encoding gives names byte for byte.
  const entries = await opendir(folder, { encoding: 'latin1' }).catch(() => [])
  for await (const entry of entries) {
    const name = Buffer.from(entry.name, 'latin1')
    const path = joinPath(folder, name)
    if (name[0] === 0x2e) continue
    const kind = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry
    if (!kind?.isDirectory()) {
      if (kind && isPicture(name)) return false
      continue
    }
    // Links may lead in circles, so only one to a run itself counts, such as "latest".
    if (!(entry.isSymbolicLink() ? await isRun(path) : await isOfRuns(path, isPicture))) return false
    runs++
  }
  return runs > 0
}

/** Whether a folder holds train/, perhaps validation/ and test/, and in them nothing but folders of the classes `beside` it (names in latin1). */
export async function isPrepared(folder: Buffer, beside: ReadonlySet<string>): Promise<boolean> {
  const parts = await foldersOnly(folder, (name) => PARTS.some((part) => part === name))
  if (!parts?.includes('train')) return false
  const classes = await Promise.all(parts.map((part) => foldersOnly(joinPath(folder, Buffer.from(part)), (name) => beside.has(name))))
  return classes.every((names) => names !== undefined && names.length > 1)
}

/** The names in a folder, byte for byte; undefined at the first that is no folder or is not wanted. */
async function foldersOnly(folder: Buffer, isWanted: (name: string) => boolean): Promise<string[] | undefined> {
  const names: string[] = []
  const entries = await opendir(folder, { encoding: 'latin1' }).catch(() => [])
  for await (const entry of entries) {
    if (entry.name.startsWith('.')) continue
    if (!entry.isDirectory() || !isWanted(entry.name)) return undefined
    names.push(entry.name)
  }
  return names
}
