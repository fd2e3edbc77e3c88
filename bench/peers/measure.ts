/** @file Measures one row of the comparison and prints its lines of the table. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { turnsOf, type Patience } from '../turns.ts'
import { tutorialEpochs, type Given, type Job, type Ours, type Row } from './rows.ts'
import { runProcess, startSide, type Command, type Figures, type Side } from './sides.ts'
import { lineOf, type Line } from './table.ts'

/** Where `ours.ts` lies as JavaScript, which Node runs as it is; as far below the root as the source, since it looks for dist/. */
export const builtSide = '.cache/bench/ours.js'

export interface Place {
  readonly root: string
  readonly python: string
  readonly patience: Patience
  readonly given: { readonly ours: Given; readonly theirs: Given }
  /** Part of the photos of a scalable row that is used, and its epochs. */
  readonly scale: number
  readonly epochs: number
}

/** Lets all sides of a row take turns and prints what came out. */
export async function measure(row: Row, place: Place): Promise<void> {
  const { turns, how } = await (row.each === 'call' ? callTurns : processTurns)(row, place)
  row.ours.forEach((ours, i) => {
    const pairs = turns.map((figures) => [figures[i]!, peerWhole(row, figures.at(-1)!, place)] as const)
    for (const line of linesOf({ row, ours, pairs, how, place })) console.log(line)
  })
}

interface Measured {
  /** What each of our sides measured in each turn, and the peer at the end. */
  readonly turns: readonly (readonly Figures[])[]
  /** How the peer did it, where it chose. */
  readonly how: string
}

/** Long-lived processes. */
async function callTurns(row: Row, place: Place): Promise<Measured> {
  const commands = [...row.ours.map((ours) => oursCommand(row, ours, place)), peerCommand(row, place)]
  const sides: Side[] = []
  try {
    for (const command of commands) sides.push(await startSide(command))
    const runs = sides.map((side) => () => side.run())
    return { turns: await turnsOf(runs, place.patience), how: sides.at(-1)?.how ?? '' }
  } finally {
    for (const side of sides) await side.stop()
  }
}

/** A process per turn. Ours begins without stored features, unless it is told that it runs again. */
async function processTurns(row: Row, place: Place): Promise<Measured> {
  const cache = mkdtempSync(join(tmpdir(), 'rootstock-peers-cache-'))
  const caches = row.ours.map((_, i) => join(cache, `${i}`))
  const run = (command: Command, i: number): Promise<Figures> => runProcess(place, command, { ROOTSTOCK_CACHE: caches[i] })
  const ours = row.ours.map((way, i) => () => {
    if (!way.isAgain) rmSync(caches[i]!, { recursive: true, force: true })
    return run(oursCommand(row, way, place), i)
  })
  const peer = (): Promise<Figures> => runProcess(place, peerCommand(row, place))
  try {
    for (const [i, way] of row.ours.entries()) if (way.isAgain) await ours[i]!()
    // The first start of Keras reads a gigabyte of libraries from the disk.
    if (row.job.job === 'cold') await peer()
    return { turns: await turnsOf([...ours, peer], place.patience), how: '' }
  } finally {
    rmSync(cache, { recursive: true, force: true })
  }
}

function oursCommand(row: Row, { settings, command }: Ours, place: Place): Command {
  const { root, given } = place
  if (command) return [process.execPath, ...command(given.ours)]
  const job = row.scales === 'both' ? partOf(row.job, place) : row.job
  return [process.execPath, join(root, builtSide), JSON.stringify({ ...job, ...settings, ...given.ours })]
}

function peerCommand({ peer, job, scales }: Row, place: Place): Command {
  const told = { ...(scales ? partOf(job, place) : job), ...place.given.theirs }
  return [place.python, join(place.root, `bench/peers/${peer}_side.py`), JSON.stringify(told)]
}

function partOf(job: Job, { scale, epochs }: Pick<Place, 'scale' | 'epochs'>): Job {
  return { ...job, photos: job.photos * scale, epochs }
}

interface Compared {
  readonly row: Row
  readonly ours: Ours
  readonly pairs: readonly (readonly [ours: Figures, theirs: Figures])[]
  readonly how: string
  readonly place: Place
}

function linesOf({ row, ours, pairs, how, place }: Compared): string[] {
  const { time: target, memory } = ours.targets
  const isShort = place.scale !== 1 || place.epochs !== tutorialEpochs
  const isPart = row.scales === 'both' && isShort
  const part = `${row.job.photos * place.scale} photos, ${place.epochs} epochs`
  const what = isPart ? `${ours.label}, ${part}` : ours.label
  const isExtrapolated = row.scales === 'peer' && isShort
  const peer = [row.peerLabel, how, isExtrapolated ? `extrapolated from ${part}` : ''].filter(Boolean).join(', ')
  const shared = { what, peer, pairs, isTime: !isExtrapolated, target: isPart ? undefined : target }
  const rate = (seconds: number): string => `${(row.job.photos / seconds).toFixed(1)} photos/s`
  const duration = (seconds: number): string => `${seconds.toFixed(2)} s`
  const size = (megabytes: number): string => `${megabytes.toFixed(0)} MB`

  const lines: Line[] = [{ ...shared, of: ({ seconds }) => seconds, show: row.each === 'call' ? rate : duration }]
  if (isPart) {
    const of = (figures: Figures): number => whole(figures, place)
    lines.push({ ...shared, what: `${ours.label}, extrapolated`, of, show: duration, target, isTime: false })
  }
  if (memory !== undefined) {
    const of = ({ megabytes }: Figures): number => megabytes
    lines.push({ ...shared, what: `${what}: peak memory`, of, show: size, target: memory, isTime: false })
  }
  return lines.map(lineOf)
}

/** The peer's figures for the whole job where it alone did a part. */
function peerWhole({ scales }: Row, figures: Figures, place: Place): Figures {
  return scales === 'peer' ? { ...figures, seconds: whole(figures, place) } : figures
}

/** Seconds of the whole job, from those of a part: what is spent on photos grows with their number, the rest does not. */
function whole({ seconds, once = 0, epoch = 0, between = 0 }: Figures, { scale, epochs }: Place): number {
  const fixed = seconds - once - epochs * (epoch + between)
  return fixed + once / scale + tutorialEpochs * (epoch / scale + between)
}
