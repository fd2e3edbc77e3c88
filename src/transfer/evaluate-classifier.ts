/** @file How well a classifier does on a folder of labelled photos. */
import { RootstockError } from '../errors.ts'
import { hashAll, imageFolder, layoutOf, printableName, readAll, type Dataset, type FolderDataset } from '../data/index.ts'
import { stack, type Tensor } from '../tensor/index.ts'
import type { Split, TrainingEvent } from '../training/index.ts'
import type { Classifier } from './classifier.ts'
import type { EvaluateFolderOptions, Evaluation } from './options.ts'
import { answerOf, evaluationOf, type Answer } from './report/tally.ts'

const photosAtOnce = 4

/** What `Classifier.evaluate` takes, and what a run knows beside it. */
export interface EvaluateClassifierOptions extends EvaluateFolderOptions {
  /** What the events call the photos. Default 'test'. */
  readonly part?: Split
  /** Content hashes of the photos that the classifier has learned from. */
  readonly learned?: ReadonlySet<string>
}

/** The folder's classes must be among the classifier's. */
export async function evaluateClassifier(
  classifier: Classifier,
  data: string | Dataset,
  { learned, part, onEvent, ...scanning }: EvaluateClassifierOptions,
): Promise<Evaluation> {
  const dataset: Dataset & Partial<Pick<FolderDataset, 'otherClasses'>> =
    typeof data === 'string' ? await labelledPhotos(classifier, data, scanning) : data
  const unusable: { path: string; reason: string }[] = []
  const hear = (event: TrainingEvent): void => {
    if (event.type === 'unusable') unusable.push({ path: event.path, reason: event.reason })
    onEvent?.(event)
  }
  const { otherClasses: unknownClasses = [] } = dataset
  if (unknownClasses.length > 0) {
    const message = `Not measured: photos of ${unknownClasses.join(', ')}, which the classifier does not know`
    hear({ type: 'warning', message, by: 'evaluate' })
  }
  const answers = await predictDataset(classifier, dataset, { onEvent: hear, ...(part && { part }) })
  const left = { ...(unusable.length > 0 && { unusable }), ...(unknownClasses.length > 0 && { unknownClasses }) }
  const evaluation = { ...evaluationOf(classifier.classNames, answers), ...left }
  return learned ? { ...evaluation, learned: await countLearned(dataset, answers, learned) } : evaluation
}

async function labelledPhotos(classifier: Classifier, folder: string, scanning: EvaluateFolderOptions): Promise<FolderDataset> {
  try {
    return await imageFolder(folder, { classNames: classifier.classNames, ...scanning }).open()
  } catch (error) {
    throw (await splitAlready(folder, scanning)) ?? error
  }
}

/** What to do with a folder that has parts and no classes of its own; undefined for any other. */
async function splitAlready(folder: string, scanning: EvaluateFolderOptions): Promise<RootstockError | undefined> {
  const layout = await layoutOf(folder, scanning).catch(() => undefined)
  if (layout?.kind !== 'split') return undefined
  const { folders } = layout
  const part = folders.get('test') ?? folders.get('validation') ?? folder
  const message = `Cannot measure "${printableName(folder)}": it has the parts ${[...folders.keys()].join(', ')}, expected one folder per class`
  return new RootstockError('DATA', message, {
    hint: `Give one of them, such as ${printableName(part)}; for a run, --part (part in code) takes the photos of its own split`,
  })
}

async function predictDataset(
  classifier: Classifier,
  dataset: Dataset,
  { onEvent, part: split = 'test' }: EvaluateClassifierOptions,
): Promise<Answer[]> {
  const { reading } = classifier
  const how = { ...reading, size: [reading.size, reading.size] as const }
  const started = performance.now()
  const answers: Answer[] = []
  let waiting: { index: number; tensor: Tensor<'float32'> }[] = []
  let done = 0
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return
    const { data, shape } = await classifier.probabilities(stack(waiting.map(({ tensor }) => tensor)))
    const width = shape[1] ?? 1
    waiting.forEach(({ index }, i) => answers.push(answerOf(index, dataset.labels[index] ?? 0, data.subarray(i * width, (i + 1) * width))))
    waiting = []
    onEvent?.({ type: 'featuresProgress', split, done, total: dataset.size, seconds: (performance.now() - started) / 1000 })
  }
  const indices = Array.from({ length: dataset.size }, (_, i) => i)
  for await (const { index, id, result } of readAll(dataset, indices, how)) {
    done++
    if (result.ok) waiting.push({ index, tensor: result.tensor })
    else onEvent?.({ type: 'unusable', split, path: id, reason: result.reason })
    if (waiting.length === photosAtOnce) await flush()
  }
  await flush()
  return answers
}

/** How many of the photos are known by their content. */
async function countLearned(dataset: Dataset, answers: readonly Answer[], learned: ReadonlySet<string>): Promise<number> {
  if (learned.size === 0 || !dataset.hash) return 0
  const hashes = await hashAll(dataset, { indices: answers.map(({ index }) => index) })
  return hashes.filter((hash) => hash !== undefined && learned.has(hash)).length
}
