/** @file How well a classifier does on a folder of labelled photos. */
import { imageFolder, readAll, type Dataset } from '../data/index.ts'
import { stack, type Tensor } from '../tensor/index.ts'
import type { TrainingEvent } from '../training/index.ts'
import type { Classifier } from './classifier.ts'
import type { Evaluation } from './options.ts'

const photosAtOnce = 4

/** The folder's classes must be among the classifier's. */
export async function evaluateClassifier(
  classifier: Classifier,
  folder: string,
  { onEvent }: { readonly onEvent?: (event: TrainingEvent) => void },
): Promise<Evaluation> {
  const dataset = await imageFolder(folder, { classNames: classifier.classNames }).open()
  const results = await predictDataset(classifier, dataset, onEvent)
  return summarize(classifier.classNames, results)
}

interface Answer {
  readonly label: number
  readonly probabilities: Float32Array
}

async function predictDataset(
  { model, reading }: Classifier,
  dataset: Dataset,
  onEvent: ((event: TrainingEvent) => void) | undefined,
): Promise<Answer[]> {
  const how = { ...reading, size: [reading.size, reading.size] as const }
  const started = performance.now()
  const answers: Answer[] = []
  let waiting: { label: number; tensor: Tensor<'float32'> }[] = []
  let done = 0
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return
    const { data, shape } = await model.predict(stack(waiting.map(({ tensor }) => tensor)))
    const width = shape[1] ?? 1
    waiting.forEach(({ label }, i) => answers.push({ label, probabilities: data.slice(i * width, (i + 1) * width) }))
    waiting = []
    onEvent?.({ type: 'featuresProgress', split: 'test', done, total: dataset.size, seconds: (performance.now() - started) / 1000 })
  }
  const indices = Array.from({ length: dataset.size }, (_, i) => i)
  for await (const { index, id, result } of readAll(dataset, indices, how)) {
    done++
    if (result.ok) waiting.push({ label: dataset.labels[index] ?? 0, tensor: result.tensor })
    else onEvent?.({ type: 'unusable', split: 'test', path: id, reason: result.reason })
    if (waiting.length === photosAtOnce) await flush()
  }
  await flush()
  return answers
}

function summarize(classNames: readonly string[], answers: readonly Answer[]): Evaluation {
  const confusion = classNames.map(() => classNames.map(() => 0))
  let loss = 0
  for (const { label, probabilities } of answers) {
    confusion[label]![probabilities.indexOf(Math.max(...probabilities))]!++
    loss -= Math.log(Math.min(1 - 1e-7, Math.max(1e-7, probabilities[label]!)))
  }
  const images = answers.length
  const right = confusion.reduce((sum, row, i) => sum + row[i]!, 0)
  const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b)
  const perClass = classNames.map((label, i) => {
    const truly = confusion[i]!.reduce((sum, n) => sum + n, 0)
    const named = confusion.reduce((sum, row) => sum + row[i]!, 0)
    const precision = ratio(confusion[i]![i]!, named)
    const recall = ratio(confusion[i]![i]!, truly)
    return { label, images: truly, precision, recall, f1: ratio(2 * precision * recall, precision + recall) }
  })
  return { images, accuracy: ratio(right, images), loss: ratio(loss, images), perClass, confusion }
}
