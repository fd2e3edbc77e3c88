/** @file Goes on with a run that was interrupted: what its folder says of it, and what must not have changed. */
import { existsSync } from 'node:fs'
import { rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { RootstockError } from '../errors.ts'
import { describeSplit, printableName, type Split, type SplitDescription } from '../data/index.ts'
import { withFolderLock } from '../files/index.ts'
import { readCheckpoint, removeBeginning, type CheckpointOptions } from '../training/index.ts'
import type { ClassifierSpec } from './classifier-model.ts'
import { DEFAULTS } from './defaults.ts'
import { isKept, keptAs, optionsOf } from './kept-settings.ts'
import type { TrainClassifierOptions, TrainReport } from './options.ts'
import { logFile } from './report/run-log.ts'
import { readRunSplit, splitFile, writeRunSplit } from './report/run-split.ts'
import { createRunFolder, isRunFolder, readRunSettings, runFiles } from './run-folder.ts'

/** Where an interrupted run goes on. */
export interface ResumedRun {
  /** When the run began. */
  readonly created: string
  /** The stage that was under way, from 0. */
  readonly stage: number
  /** The figures of the stages before it. */
  readonly before: Readonly<Record<string, readonly number[]>>
}

/** What a run's checkpoints hold beside the state of `fit`. */
const extraSchema = z.object({
  stage: z.int().nonnegative(),
  stages: z.int().positive(),
  /** Epochs at the end of this stage. */
  until: z.int().positive(),
  before: z.record(z.string(), z.array(z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)]))),
})

/** Settings that another run of the same training may have otherwise. */
const FREE: readonly string[] = ['out', 'resume', 'epochs', 'plots', 'checkpointSeconds', 'sanity']

/** Settings that say what to do now, not how to train. */
const OF_THE_CALL: readonly string[] = ['out', 'resume']

/** What settings are that a run was not given, where that is always the same: to give it again is no change. */
const IMPLIED: Partial<TrainClassifierOptions> = {
  ...DEFAULTS,
  weights: 'imagenet',
  precision: 'fp32',
  seed: 0,
  validation: 0.15,
  test: 0.15,
  views: 4,
  duplicates: 'near',
  leaks: 'report',
  followLinks: false,
  labelsFrom: 'auto',
}

/** Runs `work` while no other process may use the run's folder; a new run's folder must not hold a run, a resumed one's must. Code USAGE. */
export async function inRunFolder<T>(run: string, options: TrainClassifierOptions, work: () => Promise<T>): Promise<T> {
  const existed = existsSync(run)
  if (!options.resume && existed) await createRunFolder(run)
  const onWait = (): void =>
    options.onEvent?.({ type: 'message', message: `Waiting for a process of another machine that trains in ${run}`, by: 'run' })
  try {
    return await withFolderLock(run, work, { signal: options.signal, onWait })
  } finally {
    // A run that could not begin leaves no empty folder.
    if (!existed) await rmdir(run).catch(() => undefined)
  }
}

/** The options of a resumed run: those that it had, where none are given. Code USAGE where there is no run, or one is given that it did not have. */
export async function resumedOptions(run: string, given: TrainClassifierOptions): Promise<TrainClassifierOptions> {
  if (!(await isRunFolder(run))) {
    throw new RootstockError('USAGE', `Cannot resume ${run}: found no ${runFiles.settings} in it, expected a run`, {
      hint: 'Check --out, or leave --resume out to begin a new run',
    })
  }
  const { settings, network, alpha, size, head } = await readRunSettings(run)
  const had = Object.fromEntries(Object.entries(settings).filter(([name]) => !OF_THE_CALL.includes(name)))
  const was: Readonly<Record<string, unknown>> = { ...IMPLIED, network, alpha, size, head, ...had }
  for (const [name, value] of Object.entries(given)) {
    const is = keptAs(name, value)
    if (is === undefined || !isKept(name, value) || isSame(name, was[name], is)) continue
    throw changed('USAGE', run, `${name} was ${name in had ? shown(had[name]) : 'its default'}, is ${shown(is)}`)
  }
  const least = epochsIn(settings)
  if (given.epochs !== undefined && given.epochs < least) {
    throw new RootstockError('USAGE', `Cannot resume ${run}: epochs was ${least}, is ${given.epochs}, expected no fewer`, {
      hint: `Leave --epochs out, or raise it; "rootstock predict ${run} PHOTO" uses the best epoch so far`,
    })
  }
  const asked = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return { ...optionsOf(Object.fromEntries(Object.entries(had).filter(([name]) => !(name in asked)))), ...asked }
}

/** A store changes the figures only where it rounds features. */
function isSame(name: string, was: unknown, is: unknown): boolean {
  if (name === 'featureStore') return (was === 'float16') === (is === 'float16')
  return FREE.includes(name) || isDeepStrictEqual(was, is)
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(' ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** What to say of a run that is over; undefined while something is left to do. */
export async function whyOver(run: string, options: TrainClassifierOptions): Promise<string | undefined> {
  const { settings, reported, ...was } = await readRunSettings(run)
  const report = was.report as TrainReport | undefined
  const found = await readCheckpoint(checkpointFolder(run))
  if (!report || !found || !reported || !existsSync(join(run, 'README.md'))) return undefined
  const { stage, stages, until } = extraOf(run, found.extra)
  const more = (options.epochs ?? 10) - epochsIn(settings)
  const isTrained = stage + 1 === stages && (found.stopped || (found.batch === 0 && found.epoch >= until + more))
  if (!isTrained || (report.test === null && report.images.test > 0)) return undefined
  if (!found.stopped) return `The run in ${run} is over; raise epochs to go on`
  return `The run in ${run} is over: its patience ended it after epoch ${report.epochs}, and would again; a new run with a larger one trains longer`
}

/** Where the run goes on. Code USAGE or DATA, naming the change, where network, classes or photos are others than they were. */
export async function resumedRun(run: string, { spec, split }: { spec: ClassifierSpec; split: Split }): Promise<ResumedRun> {
  const was = await readRunSettings(run)
  for (const name of ['network', 'alpha', 'size', 'head'] as const) {
    if (was[name] !== spec[name]) throw changed('USAGE', run, `${name} was ${was[name]}, is ${spec[name]}`)
  }
  const stored = await readRunSplit(run)
  if (stored !== undefined) checkPhotos(run, stored, await describeSplit(split))
  if (was.classes.join('\n') !== spec.classes.join('\n')) {
    throw changed('DATA', run, `the classes were ${printableName(was.classes.join(', '))}, are ${printableName(spec.classes.join(', '))}`)
  }
  const found = await readCheckpoint(checkpointFolder(run))
  if (!found) return { created: was.created, stage: 0, before: {} }
  const { stage, before } = extraOf(run, found.extra)
  return { created: was.created, stage, before }
}

/** Writes down which photos the run learns from, before it learns. */
export async function rememberPhotos(run: string, split: Split): Promise<void> {
  await writeRunSplit(run, split)
}

/** Removes the files of a run that has kept neither weights nor a checkpoint. */
export async function removeUnbegun(run: string): Promise<void> {
  const checkpoint = await readCheckpoint(checkpointFolder(run)).catch(() => 'damaged')
  if (checkpoint !== undefined || existsSync(join(run, runFiles.best))) return
  for (const name of [runFiles.settings, splitFile, logFile]) await rm(join(run, name), { force: true })
  await removeBeginning(checkpointFolder(run))
  await rmdir(checkpointFolder(run)).catch(() => undefined)
}

/** The checkpoints of one stage. */
export function stageCheckpoint(
  { run, options }: { run: string; options: Pick<TrainClassifierOptions, 'checkpointSeconds'> },
  at: { stage: number; stages: number; until: number; before: Record<string, number[]> },
): CheckpointOptions {
  const before = Object.fromEntries(
    Object.entries(at.before).map(([name, values]) => [name, values.map((value) => (Number.isFinite(value) ? value : String(value)))]),
  )
  const { checkpointSeconds: everySeconds } = options
  return { folder: checkpointFolder(run), ...(everySeconds === undefined ? {} : { everySeconds }), extra: () => ({ ...at, before }) }
}

const checkpointFolder = (run: string): string => join(run, runFiles.checkpoint)

function extraOf(run: string, extra: unknown): z.infer<typeof extraSchema> {
  const parsed = extraSchema.safeParse(extra)
  if (parsed.success) return parsed.data
  throw new RootstockError('FORMAT', `Cannot resume ${run}: its ${runFiles.checkpoint} was not written by trainClassifier`)
}

function epochsIn(settings: Readonly<Record<string, unknown>>): number {
  return typeof settings['epochs'] === 'number' ? settings['epochs'] : 10
}

type Photo = SplitDescription['photos'][number]

/** Photos by content: a photo that was only renamed is the same, though the order of a run follows from the names. */
function checkPhotos(run: string, stored: unknown, now: SplitDescription): void {
  const was = (stored as Partial<SplitDescription>).photos ?? []
  const key = ({ file, hash }: Photo): string => `${file}\n${hash}`
  const [before, after] = [new Map(was.map((photo) => [key(photo), photo])), new Map(now.photos.map((photo) => [key(photo), photo]))]
  const lost = was.filter((photo) => !after.has(key(photo)))
  const added = now.photos.filter((photo) => !before.has(key(photo)))
  const files = new Set(added.map(({ file }) => file))
  const altered = lost.filter(({ file }) => files.has(file))
  const gone = lost.filter(({ file }) => !files.has(file))
  const fresh = added.filter(({ file }) => !lost.some((photo) => photo.file === file))
  const moved = now.photos.filter((photo) => {
    const old = before.get(key(photo))
    return old && (old.part !== photo.part || old.label !== photo.label)
  })
  const found = [
    describe(fresh, 'added'),
    describe(gone, 'missing'),
    describe(altered, 'changed'),
    describe(moved, 'in another part or class'),
  ]
  const changes = found.filter((text) => text !== '')
  if (changes.length > 0) throw changed('DATA', run, changes.join('; '))
}

function describe(photos: readonly Photo[], what: string): string {
  const [first] = photos
  if (!first) return ''
  const name = printableName(first.file)
  return photos.length === 1 ? `1 photo ${what}: ${name}` : `${photos.length} photos ${what}, the first is ${name}`
}

function changed(code: 'USAGE' | 'DATA', run: string, what: string): RootstockError {
  return new RootstockError(code, `Cannot resume ${run}: ${what}`, {
    hint:
      code === 'DATA'
        ? 'Bring the photos back as they were, or start a new run'
        : 'Leave the setting out to go on as before, or start a new run',
  })
}
