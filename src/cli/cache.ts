/** @file `rootstock cache`: what the feature store on disk holds, and making it smaller. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { RootstockError, unknownName } from '../errors.ts'
import type { FeatureStore, StoredTrunk } from '../data/index.ts'
import { timedBar } from './bar.ts'
import { command, type Flag, type Outcome } from './command.ts'
import { word } from './flag-values.ts'
import { oneLine } from './one-line.ts'
import { alignColumns, counted, grouped } from './table.ts'
import type { Terminal } from './terminal.ts'

const ALL = 'all'

/** With or without a value: everything, or one trunk. An empty value is refused: a script whose variable is not set must not remove everything. */
const prune: Flag<string> = {
  ...word('TRUNK', 'Remove the features of one trunk (its id in the list) or, with all or nothing, everything', [ALL]),
  leftOut: ALL,
}

export const cache = command({
  name: 'cache',
  summary: 'Show what is kept on disk for later runs, features by frozen trunk and networks made ready, or remove it.',
  operands: [],
  flags: { prune },
  examples: ['rootstock cache', 'rootstock cache --prune 3f29a01c', 'rootstock cache --prune all'],
  run: async ({ flags, terminal }) => {
    const { preparedSize, removePrepared } = await import('../transfer/prepared.ts')
    const networks = preparedSize()
    const outcome = await features(flags.prune, terminal)
    if (flags.prune === ALL) removePrepared()
    if (networks.count > 0) tellNetworks(networks, flags.prune === ALL, terminal)
    return { ...outcome, json: { ...outcome.json, networks } }
  },
})

async function features(wanted: string | undefined, terminal: Terminal): Promise<Outcome> {
  const { featureFolder, openFeatureStore } = await import('../data/index.ts')
  const folder = featureFolder()
  // Looking must not make a store.
  if ((await fileSize(folder)) === undefined) return wanted === undefined || wanted === ALL ? empty(folder, terminal) : refuse(wanted, [])
  const store = await openFeatureStore(folder)
  if (store.damage !== undefined) terminal.note(store.damage)
  const closed = <T>(work: Promise<T>): Promise<T> => work.finally(() => store.close())
  if (wanted === undefined) return closed(list(store, terminal))
  return free(folder, await closed(remove(store, wanted, terminal)), terminal)
}

function tellNetworks({ count, bytes }: { count: number; bytes: number }, isRemoved: boolean, { print }: Terminal): void {
  const what = `${counted(count, 'network')} made ready for predictions, ${megabytes(bytes)}`
  print(isRemoved ? `Removed ${what}` : what)
}

/** A trunk with a name that can be typed. */
interface NamedTrunk extends StoredTrunk {
  readonly id: string
}

async function namedTrunks(store: FeatureStore): Promise<NamedTrunk[]> {
  const { createHash } = await import('node:crypto')
  return store.trunks().map((trunk) => ({ ...trunk, id: createHash('sha256').update(trunk.key).digest('hex').slice(0, 8) }))
}

async function list(store: FeatureStore, { print }: Terminal): Promise<Outcome> {
  const trunks = (await namedTrunks(store)).sort((a, b) => (a.lastUsed < b.lastUsed ? 1 : -1))
  const bytes = (await fileSize(store.folder)) ?? 0
  const used = trunks.reduce((sum, trunk) => sum + trunk.bytes, 0)
  const rows = trunks.map(({ id, title, entries, bytes: size, created, lastUsed }) => [
    id,
    oneLine(title),
    grouped(entries),
    megabytes(size),
    created.slice(0, 10),
    lastUsed.slice(0, 10),
  ])
  print(`${store.folder}: ${megabytes(used)} of features, ${megabytes(bytes)} on disk`)
  for (const line of alignColumns([['trunk', 'of', 'photos and views', 'size', 'made', 'last used'], ...rows])) print(line)
  const shown = trunks.map(({ id, title, entries, bytes: size, created, lastUsed }) => ({
    id,
    title,
    entries,
    bytes: size,
    created,
    lastUsed,
  }))
  return { json: { folder: store.folder, bytes, used, trunks: shown } }
}

/** What was removed, and the size of its rows. */
interface Removed {
  readonly removed: number
  readonly bytes: number
  /** The size of what stays. */
  readonly left: number
  readonly trunks: readonly { readonly id: string; readonly title: string }[]
}

async function remove(store: FeatureStore, wanted: string, { progress }: Terminal): Promise<Removed> {
  const trunks = await namedTrunks(store)
  const chosen = wanted === ALL ? trunks : trunks.filter(({ id }) => id === wanted)
  if (chosen.length === 0 && wanted !== ALL) return refuse(wanted, trunks)
  const total = chosen.reduce((sum, { entries }) => sum + entries, 0)
  const bar = timedBar(progress, { label: 'Removing', unit: 'entries' })
  let removed = 0
  try {
    for (const { key } of chosen) {
      const before = removed
      removed += await store.prune(key, (done) => bar.update(before + done, total))
    }
  } finally {
    bar.clear()
  }
  const bytes = sizeOf(chosen)
  return { removed, bytes, left: sizeOf(trunks) - bytes, trunks: chosen.map(({ id, title }) => ({ id, title })) }
}

/** Makes the file smaller by what was removed, and tells of both. */
async function free(folder: string, { removed, bytes, left, trunks }: Removed, { print, progress }: Terminal): Promise<Outcome> {
  const { compactStoreFile } = await import('../data/index.ts')
  const before = (await fileSize(folder)) ?? 0
  const bar = timedBar(progress, { label: 'Freeing the disk', unit: 'MB' })
  const inMegabytes = (size: number): number => Math.round(size / 1e6)
  const isSmaller = await compactStoreFile(folder, (done) => bar.update(inMegabytes(done), inMegabytes(Math.max(done, left))))
  bar.clear()
  const freed = Math.max(0, before - ((await fileSize(folder)) ?? 0))
  const space = isSmaller
    ? `${megabytes(freed)} of the disk are free again`
    : 'the file keeps its size while another process uses it, and fills the space again'
  print(`Removed ${grouped(removed)} entries, ${megabytes(bytes)}; ${space}`)
  return { json: { folder, removed, bytes, freed, trunks } }
}

const sizeOf = (trunks: readonly StoredTrunk[]): number => trunks.reduce((sum, { bytes }) => sum + bytes, 0)

function empty(folder: string, { print }: Terminal): Outcome {
  print(`${folder}: nothing is stored`)
  return { json: { folder, bytes: 0, used: 0, trunks: [] } }
}

function refuse(wanted: string, trunks: readonly NamedTrunk[]): never {
  if (trunks.length > 0) throw unknownName('trunk', wanted, [...trunks.map(({ id }) => id), ALL])
  throw new RootstockError('UNKNOWN_NAME', `Unknown trunk "${wanted}": nothing is stored`, { hint: 'See: rootstock cache' })
}

async function fileSize(folder: string): Promise<number | undefined> {
  const { storeFile } = await import('../data/index.ts')
  const found = await stat(join(folder, storeFile)).catch(() => undefined)
  // A sparse file is longer than what it takes.
  return found && Math.min(found.size, found.blocks * 512 || found.size)
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`
}
