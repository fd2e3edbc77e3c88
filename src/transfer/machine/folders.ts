/** @file Checks of what lies on disk: the folders for weights and features, free space, the weights themselves. */
import { access, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { allReleases, verifyRelease, type Release } from '../../applications/index.ts'
import { featureFolder, storeDamage } from '../../data/index.ts'
import { cacheFolder, isOffline, makeFolder } from '../../files/index.ts'
import { sizeInWords, type Answer, type Machine } from './check.ts'

/** The largest released weights, and room for features. */
const wantedDisk = 2 * 2 ** 30
/** More names than this are only counted. */
const NAMED_FILES = 4

/** The folder that downloads go to. */
export async function checkWeightsFolder({ environment }: Machine): Promise<Answer> {
  const folder = cacheFolder({ environment })
  return (await unwritable(folder, 'Set ROOTSTOCK_HOME to a folder that can')) ?? { status: 'ok', found: `${folder} can be written` }
}

/** The folder that features go to, and how large they are; a training without it only computes them again. */
export async function checkFeatureFolder({ environment }: Machine): Promise<Answer> {
  const folder = featureFolder(environment)
  const problem = await unwritable(folder, 'Set ROOTSTOCK_CACHE to a folder that can; without it features are computed anew in each run')
  if (problem) return { ...problem, status: 'warn' }
  const damage = storeDamage(folder)
  const hint = 'Nothing needs to be done: it is removed when it is opened next, and features are computed again'
  if (damage !== undefined) return { status: 'warn', found: `the feature store in ${folder} is damaged: ${damage}`, hint }
  const found = await stat(join(folder, 'features.lmdb')).catch(() => undefined)
  const size = found ? `holds ${sizeInWords(Math.min(found.size, found.blocks * 512 || found.size))}` : 'is empty'
  return { status: 'ok', found: `${folder} can be written and ${size}` }
}

/** Writes a file: permissions alone do not tell of full disks and read-only file systems. */
async function unwritable(folder: string, hint: string): Promise<Answer | undefined> {
  const probe = join(folder, `.rootstock-probe-${process.pid}`)
  try {
    makeFolder(folder)
    await writeFile(probe, '')
    await rm(probe)
    return undefined
  } catch (error) {
    return { status: 'fail', found: `${folder} cannot be written: ${messageOf(error)}`, hint }
  }
}

/** Free space where weights go. */
export async function checkDisk({ environment }: Machine): Promise<Answer> {
  const folder = cacheFolder({ environment })
  const { bavail, bsize } = await statfs(await nearestFolder(folder))
  const free = bavail * bsize
  const found = `${sizeInWords(free)} free at ${folder}`
  return free >= wantedDisk ? { status: 'ok', found } : { status: 'warn', found, hint: 'Weights and stored features may not fit' }
}

async function nearestFolder(folder: string): Promise<string> {
  const isThere = await access(folder).then(
    () => true,
    () => false,
  )
  return isThere || dirname(folder) === folder ? folder : nearestFolder(dirname(folder))
}

/** Which released files are here, and whether they are what was released. */
export async function checkWeights({ environment, signal }: Machine): Promise<Answer> {
  const folder = cacheFolder({ environment })
  const own = environment['ROOTSTOCK_WEIGHTS']
  const places = [...(own ? [own] : []), folder]
  const files = (await Promise.all(places.map((place) => releasedIn(place)))).flat()
  const bad: string[] = []
  for (const { path, release } of files) {
    signal?.throwIfAborted()
    const verdict = await verifyRelease(path, release)
    if (!verdict.ok) bad.push(`${path}: ${verdict.problem}`)
  }
  if (bad[0] !== undefined) {
    const hint = 'Remove the file; it is fetched again when it is needed'
    return { status: 'fail', found: `${bad.length} of ${files.length} released files are damaged; the first is ${bad[0]}`, hint }
  }
  if (files.length > 0) return { status: 'ok', found: `${named(files)}; all as they were released` }
  if (!isOffline(environment)) return { status: 'ok', found: 'none yet; the first use downloads them' }
  const hint = `Put released files into ${folder}, or name a folder in ROOTSTOCK_WEIGHTS; without, only the network in the package is there`
  return { status: 'warn', found: 'none, and the network is off', hint }
}

interface FoundFile {
  readonly path: string
  readonly release: Release
}

async function releasedIn(folder: string): Promise<FoundFile[]> {
  const present = new Set(await readdir(folder).catch((): string[] => []))
  const releases = new Map(allReleases().map((release) => [release.file, release]))
  return Array.from(releases.values()).flatMap((release) =>
    present.has(release.file) ? [{ path: join(folder, release.file), release }] : [],
  )
}

function named(files: readonly FoundFile[]): string {
  return files.length > NAMED_FILES ? `${files.length} released files` : files.map(({ release }) => release.file).join(', ')
}
