/** @file `rootstock demo`: the whole way without a download, on drawn cats and dogs. */
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { errnoOf } from '../files/file-error.ts'
import type { Classifier, TrainClassifierOptions, TrainReport } from '../transfer/index.ts'
import { createBar, duration } from './bar.ts'
import { command } from './command.ts'
import { count, word } from './flag-values.ts'
import { shellPath } from './go-on.ts'
import { oneLine } from './one-line.ts'
import { trainingProgress } from './progress.ts'
import { alignColumns, percent } from './table.ts'
import type { Terminal } from './terminal.ts'

/** Settings that learn well from scratch; both trainings together end within 90 seconds on two cores. */
const SETTINGS = { images: 600, epochs: 14, size: 64, learningRate: 0.003, batchSize: 16, seed: 1 } as const
/** Of a new head on the network in the package, which needs no more than its features. */
const HEAD = { epochs: 20, learningRate: 0.005 } as const
/** Pixels of a drawing. */
const DRAWING = 96
/** Everything that a demo writes; only such a folder is written over. */
const PARTS = ['photos', 'data', 'run-embedded', 'run', 'unseen'] as const
const KINDS = ['cat', 'dog'] as const

export const demo = command({
  name: 'demo',
  summary:
    'Draw cats and dogs, train a head on the network in the package and a whole network from scratch, and name drawings that they have not seen. Needs no download.',
  operands: [],
  flags: {
    out: word('FOLDER', 'Where everything goes; default demo-output'),
    images: count('N', `Drawings of each kind; default ${SETTINGS.images}`, 20),
    epochs: count('N', `Passes over the drawings, from scratch; default ${SETTINGS.epochs}`),
    seed: count('S', `Of drawings and training; default ${SETTINGS.seed}`, 0),
  },
  examples: ['rootstock demo', 'rootstock demo --out /tmp/demo --images 60'],
  endsCleanly: true,
  run: async ({ flags, terminal, signal }) => {
    const { out = 'demo-output', images = SETTINGS.images, epochs = SETTINGS.epochs, seed = SETTINGS.seed } = flags
    const places = await clearFolder(out)
    const started = performance.now()
    await drawSet(places, { images, seed, signal, terminal })
    const work = { epochs, seed, signal, terminal }
    const classifiers: Learned[] = []
    try {
      for (const learn of [learnHead, learnWhole]) if (!signal.aborted) classifiers.push(await learn(places, work))
      const answers = signal.aborted ? [] : await nameUnseen(classifiers, places.unseen, seed)
      const seconds = (performance.now() - started) / 1000
      show({ classifiers, answers, seconds, places }, terminal)
      const [embedded, whole] = classifiers.map(({ classifier }) => classifier.report ?? null)
      return { json: { out, seconds, report: whole ?? null, embedded: embedded ?? null, predictions: answers } }
    } finally {
      for (const { classifier } of classifiers) await classifier.dispose()
    }
  },
})

/** A classifier, and how it came about. */
interface Learned {
  readonly how: string
  readonly classifier: Classifier
}

type Places = Readonly<Record<(typeof PARTS)[number], string>>

interface Answer {
  readonly file: string
  readonly drawn: string
  /** Which of the classifiers answered. */
  readonly by: string
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
  return Object.fromEntries(PARTS.map((part) => [part, join(out, part)])) as Places
}

/** cat.0.jpg …, dog.0.jpg …, and the same in train/, validation/ and test/. */
async function drawSet({ photos: folder, data }: Places, { images, seed, signal, terminal }: Work & { images: number }): Promise<void> {
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
  const { prepare } = await import('../data/index.ts')
  await prepare(folder, data, { labels: KINDS, signal })
}

async function drawFile(folder: string, { kind, i, number }: { kind: (typeof KINDS)[number]; i: number; number: number }): Promise<string> {
  const { drawAnimal } = await import('../image/index.ts')
  const { fileError, makeFolder } = await import('../files/index.ts')
  const path = join(folder, `${kind}.${i}.jpg`)
  try {
    makeFolder(folder)
    await writeFile(path, await drawAnimal(kind, number, DRAWING))
  } catch (error) {
    throw fileError(error, path, { action: 'write' })
  }
  return path
}

/** A head on the network that lies in the package, which stays as it is. */
async function learnHead(places: Places, { seed, signal, terminal }: Work): Promise<Learned> {
  const settings = { ...HEAD, weights: 'embedded', head: 'none', out: places['run-embedded'] } as const
  return { how: 'head on the embedded network', classifier: await learn(places, { ...settings, seed, signal }, terminal) }
}

/** Every layer, beginning with random weights. */
async function learnWhole(places: Places, { epochs, seed, signal, terminal }: Work & { epochs: number }): Promise<Learned> {
  const { size, learningRate, batchSize } = SETTINGS
  const fromScratch = { weights: 'none', unfreezeFrom: 'all', head: 'none', patience: null, alpha: 0.25 } as const
  const settings = { ...fromScratch, size, learningRate, batchSize, epochs, out: places.run }
  return { how: 'every layer, from scratch', classifier: await learn(places, { ...settings, seed, signal }, terminal) }
}

async function learn({ data }: Places, settings: TrainClassifierOptions, terminal: Terminal): Promise<Classifier> {
  const { trainClassifier } = await import('../transfer/index.ts')
  const progress = trainingProgress(terminal.progress)
  try {
    return await trainClassifier(data, { ...settings, network: 'mobilenet', onEvent: progress.onEvent })
  } finally {
    progress.finish()
  }
}

/** Drawings with numbers that the set does not have, named by the last classifier and judged by all. */
async function nameUnseen(classifiers: readonly Learned[], folder: string, seed: number): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const i of [0, 1]) {
    for (const kind of KINDS) {
      const file = await drawFile(folder, { kind, i, number: seed * 1_000_000 + 900_000 + i })
      for (const { how, classifier } of classifiers) {
        const [best] = await classifier.predict(file, { top: 1 })
        if (best) answers.push({ file, drawn: kind, by: how, ...best })
      }
    }
  }
  return answers
}

interface Result {
  readonly classifiers: readonly Learned[]
  readonly answers: readonly Answer[]
  readonly seconds: number
  readonly places: Places
}

function show({ classifiers, answers, seconds, places }: Result, { print, colors }: Terminal): void {
  const figures = classifiers.flatMap(({ how, classifier: { report } }) => (report ? [[how, ...figuresOf(report)]] : []))
  alignColumns([['trained', 'test accuracy', 'drawings', 'took', 'report'], ...figures]).forEach((line, i) =>
    print(i === 0 ? colors.dim(line) : line),
  )
  const rows = answers.map(({ file, drawn, by, label, probability }) => [oneLine(file), drawn, label, percent(probability), by])
  if (rows.length > 0) {
    print('')
    alignColumns([['unseen drawing', 'is a', 'answer', 'sure', 'by'], ...rows]).forEach((line, i) =>
      print(i === 0 ? colors.dim(line) : line),
    )
  }
  const [first] = answers
  if (first) print(`\nTook ${duration(seconds)}. Try: rootstock predict ${shellPath(places.run)} ${shellPath(first.file)}`)
}

/** The pictures lie beside the report; a run whose report could not be written names its folder. */
function figuresOf({ test, images, seconds, run }: TrainReport): string[] {
  return [test ? percent(test.accuracy) : '–', String(images.test), duration(seconds.total), oneLine(join(run, 'report.html'))]
}
