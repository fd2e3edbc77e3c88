/** @file What a finished run leaves for people: pictures, tables, the settings, a model card and a page. */
import { join } from 'node:path'
import { messageOf } from '../errors.ts'
import { countClasses, type Split } from '../data/index.ts'
import { atomicWrite } from '../files/index.ts'
import type { View } from '../image/index.ts'
import { confusionMatrix, plotTraining, type Picture } from '../report/index.ts'
import type { Model, TrainingEvent } from '../training/index.ts'
import type { PhotoReading } from './classifier.ts'
import type { Evaluation, TrainReport } from './options.ts'
import { configYaml } from './report/config-yaml.ts'
import { linkLatest } from './report/latest-link.ts'
import { modelCard } from './report/model-card.ts'
import { answersOfPart } from './report/part-answers.ts'
import { resultsCsv } from './report/results-csv.ts'
import { runFileMeanings } from './report/run-file-meanings.ts'
import type { RunLog } from './report/run-log.ts'
import { runPage } from './report/run-page.ts'
import { splitHash, writeRunSplit } from './report/run-split.ts'
import { predictionSheet, trainSheet } from './report/sheets.ts'
import { evaluationOf, type Answer } from './report/tally.ts'

/** A run whose training is over, with the best weights loaded into its compiled model. */
export interface FinishedRun {
  /** The run's folder. */
  readonly run: string
  /** The folder of photos, as it was given. */
  readonly folder: string
  readonly model: Model
  readonly reading: PhotoReading
  readonly split: Split
  /** What was asked for or taken by default, under the names of the options of `trainClassifier`. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly seed: number
  readonly history: Readonly<Record<string, readonly number[]>>
  readonly report: Omit<TrainReport, 'test'>
  readonly log: RunLog
  readonly emit: (event: TrainingEvent) => void
  /** One view as the training drew them, where photos were changed. */
  readonly view?: View | undefined
  /** Answers that are known already, so that nothing is computed twice. */
  readonly answers?: { readonly test?: readonly Answer[] | undefined; readonly validation?: readonly Answer[] | undefined }
  /** Draw pictures and the page. Default true. */
  readonly plots?: boolean | undefined
  readonly featureStore?: boolean | 'float16' | undefined
  readonly signal?: AbortSignal | undefined
}

/** A part's answers and what follows from them. */
export interface MeasuredPart {
  readonly part: 'test' | 'validation'
  readonly answers: readonly Answer[]
  readonly evaluation: Evaluation
}

/**
 * Writes everything of docs/run-folder.md that follows from a finished run. It never throws: the weights are there, so what cannot be
 * written is told as a warning.
 */
export async function writeRunReport(finished: FinishedRun): Promise<void> {
  const { run, folder, history, split, settings, log, emit, plots = true } = finished
  const trying = attempts(emit)
  const write = (name: string, content: string | Uint8Array): Promise<void> =>
    atomicWrite(join(run, name), typeof content === 'string' ? Buffer.from(content) : content)
  await trying('results.csv', () => write('results.csv', resultsCsv(history, log.seconds)))
  await trying('config.yaml', () => write('config.yaml', configYaml(folder, settings)))
  const hash = await trying('split.json', async () => splitHash(await writeRunSplit(run, split)))
  const parts = await measuredParts(finished, trying)
  const measured = parts.test ?? parts.validation
  if (plots) await drawPictures(finished, { parts, write, trying })
  if (plots) await trying('report.html', async () => write('report.html', await runPage(finished, measured)))
  await trying('README.md', async () => {
    const counts = { train: countClasses(split.train), validation: countClasses(split.validation), test: countClasses(split.test) }
    const { report, reading } = finished
    const notes = [...split.notes, ...log.notes.filter((note) => !split.notes.includes(note))]
    const card = { run, folder, created: new Date().toISOString(), report, settings, reading, splitHash: hash, counts, measured, notes }
    await write('README.md', modelCard({ ...card, files: await runFileMeanings(run) }))
  })
  const unlinked = await linkLatest(run)
  if (unlinked !== undefined) emit({ type: 'warning', message: `There is no new link "latest" beside ${run}: ${unlinked}`, by: 'report' })
}

type Trying = <T>(what: string, work: () => Promise<T>) => Promise<T | undefined>

/** A fault costs the file, not the run. */
function attempts(emit: (event: TrainingEvent) => void): Trying {
  return async (what, work) => {
    try {
      return await work()
    } catch (error) {
      emit({ type: 'warning', message: `Going on without ${what}: ${messageOf(error)}`, by: 'report' })
      return undefined
    }
  }
}

interface MeasuredParts {
  readonly test: MeasuredPart | undefined
  readonly validation: MeasuredPart | undefined
}

async function measuredParts(finished: FinishedRun, trying: Trying): Promise<MeasuredParts> {
  const { model, split, emit, featureStore, signal, plots = true } = finished
  const measure = async (part: 'test' | 'validation', isWanted: boolean): Promise<MeasuredPart | undefined> => {
    const known = finished.answers?.[part]
    if (!known && (!isWanted || split[part].size === 0 || signal?.aborted)) return undefined
    const answers =
      known ??
      (await trying(`the answers for the ${part} photos`, () =>
        answersOfPart(model, split[part], { part, featureStore, onEvent: emit, signal }),
      ))
    // An interrupted pass says nothing about the photos that it did not reach.
    if (!answers || answers.length === 0 || signal?.aborted) return undefined
    return { part, answers, evaluation: evaluationOf(split.classNames, answers) }
  }
  const test = await measure('test', true)
  // For the sheet of answers or, without test photos, for everything.
  return { test, validation: await measure('validation', plots || test === undefined) }
}

interface Drawing {
  readonly parts: MeasuredParts
  readonly write: (name: string, content: string | Uint8Array) => Promise<void>
  readonly trying: Trying
}

async function drawPictures(finished: FinishedRun, { parts, write, trying }: Drawing): Promise<void> {
  const { history, split, reading, seed, view } = finished
  const both = async (name: string, draw: () => Picture): Promise<void> => {
    const { svg, png } = draw()
    await write(`${name}.svg`, svg)
    await write(`${name}.png`, png)
  }
  await trying('results.svg', () => both('results', () => plotTraining(history)))
  const measured = parts.test ?? parts.validation
  if (measured) {
    const { evaluation, part } = measured
    const matrix = (normalized: boolean): Picture =>
      confusionMatrix(evaluation.confusion, split.classNames, { normalized, subject: `${part} photos` })
    await trying('confusion_matrix.svg', () => both('confusion_matrix', () => matrix(false)))
    await trying('confusion_matrix_normalized.svg', () => both('confusion_matrix_normalized', () => matrix(true)))
  }
  await trying('train_batch.png', async () => {
    const sheet = await trainSheet({ dataset: split.train, reading }, { seed, view })
    if (sheet) await write('train_batch.png', sheet)
  })
  const shown = parts.validation ?? parts.test
  if (!shown) return
  await trying('val_predictions.png', async () => {
    const title = `Answers for ${shown.part} photos`
    const sheet = await predictionSheet({ dataset: split[shown.part], reading }, shown.answers, { seed, title })
    if (sheet) await write('val_predictions.png', sheet)
  })
}
