/** @file `rootstock demo`: the whole way without a download, on drawn cats and dogs. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { errnoOf } from '../files/file-error.ts'
import type { Classifier, TrainReport } from '../transfer/index.ts'
import { createBar, duration } from './bar.ts'
import { command } from './command.ts'
import { count, word } from './flag-values.ts'
import { oneLine } from './one-line.ts'
import { trainingProgress } from './progress.ts'
import { alignColumns, percent } from './table.ts'
import type { Terminal } from './terminal.ts'

/** Settings that end within 90 seconds on two cores and learn well from scratch. */
const SETTINGS = { images: 600, epochs: 14, size: 64, learningRate: 0.003, batchSize: 16, seed: 1 } as const
/** Pixels of a drawing. */
const DRAWING = 96
/** Everything that a demo writes; only such a folder is written over. */
const PARTS = ['photos', 'data', 'run', 'unseen'] as const
const KINDS = ['cat', 'dog'] as const

export const demo = command({
  name: 'demo',
  summary: 'Draw cats and dogs, train a small network on them from scratch, and name drawings it has not seen. Needs no download.',
  operands: [],
  flags: {
    out: word('FOLDER', 'Where everything goes; default demo-output'),
    images: count('N', `Drawings of each kind; default ${SETTINGS.images}`, 20),
    epochs: count('N', `Passes over the drawings; default ${SETTINGS.epochs}`),
    seed: count('S', `Of drawings and training; default ${SETTINGS.seed}`, 0),
  },
  examples: ['rootstock demo', 'rootstock demo --out /tmp/demo --images 60'],
  endsCleanly: true,
  run: async ({ flags, terminal, signal }) => {
    const { out = 'demo-output', images = SETTINGS.images, epochs = SETTINGS.epochs, seed = SETTINGS.seed } = flags
    const places = await clearFolder(out)
    const started = performance.now()
    await drawSet(places.photos, { images, seed, signal, terminal })
    const classifier = await learn(places, { epochs, seed, signal, terminal })
    try {
      const answers = signal.aborted ? [] : await nameUnseen(classifier, places.unseen, seed)
      const seconds = (performance.now() - started) / 1000
      show({ report: classifier.report, answers, seconds, out }, terminal)
      return { json: { out, seconds, report: classifier.report ?? null, predictions: answers } }
    } finally {
      await classifier.dispose()
    }
  },
})

type Places = Readonly<Record<(typeof PARTS)[number], string>>

interface Answer {
  readonly file: string
  readonly drawn: string
  readonly label: string
  readonly probability: number
}

interface Work {
  readonly seed: number
  readonly signal: AbortSignal
  readonly terminal: Terminal
}

/** An empty folder; one that holds anything but an earlier demo is refused. */
async function clearFolder(out: string): Promise<Places> {
  const found = await readdir(out).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return []
    throw new RootstockError('FILE', `Cannot write ${out}: it is not a folder that can be read`, {
      hint: 'Choose another --out',
      cause: error,
    })
  })
  const foreign = found.find((name) => !PARTS.some((part) => part === name))
  if (foreign !== undefined) {
    throw new RootstockError('FILE', `Cannot write ${out}: found ${foreign} in it, expected a new folder or one of an earlier demo`, {
      hint: 'Choose another --out',
    })
  }
  for (const part of PARTS) await rm(join(out, part), { recursive: true, force: true })
  return { photos: join(out, 'photos'), data: join(out, 'data'), run: join(out, 'run'), unseen: join(out, 'unseen') }
}

/** cat.0.jpg …, dog.0.jpg … */
async function drawSet(folder: string, { images, seed, signal, terminal }: Work & { images: number }): Promise<void> {
  const bar = createBar(terminal.progress, () => performance.now())
  const started = performance.now()
  const files = KINDS.flatMap((kind) => Array.from({ length: images }, (_, i) => ({ kind, i })))
  for (const [done, { kind, i }] of files.entries()) {
    if (signal.aborted) throw signal.reason
    await drawFile(folder, { kind, i, number: seed * 1_000_000 + i })
    bar.update({ label: 'Drawing', done: done + 1, total: files.length, seconds: (performance.now() - started) / 1000, unit: 'pictures' })
  }
  bar.clear()
  terminal.note(`Drew ${files.length} pictures in ${duration((performance.now() - started) / 1000)}`)
}

async function drawFile(folder: string, { kind, i, number }: { kind: (typeof KINDS)[number]; i: number; number: number }): Promise<string> {
  const { drawAnimal } = await import('../image/index.ts')
  const { fileError } = await import('../files/index.ts')
  const path = join(folder, `${kind}.${i}.jpg`)
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(path, await drawAnimal(kind, number, DRAWING))
  } catch (error) {
    throw fileError(error, path, { action: 'write' })
  }
  return path
}

async function learn({ photos, data, run }: Places, { epochs, seed, signal, terminal }: Work & { epochs: number }): Promise<Classifier> {
  const { prepare } = await import('../data/index.ts')
  const { trainClassifier } = await import('../transfer/index.ts')
  const { size, learningRate, batchSize } = SETTINGS
  await prepare(photos, data, { labels: KINDS, signal })
  const progress = trainingProgress(terminal.progress)
  const fromScratch = { weights: 'none', unfreezeFrom: 'all', head: 'none', patience: null } as const
  const network = { network: 'mobilenet', alpha: 0.25, size }
  try {
    return await trainClassifier(data, {
      ...fromScratch,
      ...network,
      learningRate,
      batchSize,
      epochs,
      seed,
      out: run,
      signal,
      onEvent: progress.onEvent,
    })
  } finally {
    progress.finish()
  }
}

/** Drawings with numbers that the set does not have. */
async function nameUnseen(classifier: Classifier, folder: string, seed: number): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const i of [0, 1]) {
    for (const kind of KINDS) {
      const file = await drawFile(folder, { kind, i, number: seed * 1_000_000 + 900_000 + i })
      const [best] = await classifier.predict(file, { top: 1 })
      if (best) answers.push({ file, drawn: kind, ...best })
    }
  }
  return answers
}

interface Result {
  readonly report: TrainReport | undefined
  readonly answers: readonly Answer[]
  readonly seconds: number
  readonly out: string
}

function show({ report, answers, seconds, out }: Result, { print, colors }: Terminal): void {
  if (report?.test)
    print(colors.bold(`Test accuracy ${percent(report.test.accuracy)}`) + ` on ${report.images.test} drawings it has not seen`)
  const rows = answers.map(({ file, drawn, label, probability }) => [oneLine(file), drawn, label, percent(probability)])
  if (rows.length > 0) for (const line of alignColumns([['drawing', 'is a', 'answer', 'sure'], ...rows])) print(line)
  const [first] = answers
  if (first) print(`Took ${duration(seconds)}. Try: rootstock predict ${oneLine(join(out, 'run'))} ${oneLine(first.file)}`)
}
