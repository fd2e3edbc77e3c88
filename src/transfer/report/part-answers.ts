/** @file A trained model's answers for one part of its data, from stored features where there are some. */
import type { Dataset } from '../../data/index.ts'
import type { Model, Split, TrainingEvent } from '../../training/index.ts'
import { answerOf, type Answer } from './tally.ts'

/** How the answers are collected. */
export interface PartAnswersOptions {
  /** What the events call the photos. */
  readonly part: Split
  readonly featureStore?: boolean | 'float16' | undefined
  readonly onEvent: (event: TrainingEvent) => void
  readonly signal?: AbortSignal | undefined
}

/** One answer per usable photo of `dataset`; `model` must be compiled. A few numbers per photo are kept. */
export async function answersOfPart(model: Model, dataset: Dataset, options: PartAnswersOptions): Promise<Answer[]> {
  const { part, featureStore, onEvent, signal } = options
  const unusable = new Set<string>()
  const answers: Answer[] = []
  let next = 0
  const take = (probabilities: Float32Array): void => {
    while (unusable.has(dataset.describe(next))) next++
    answers.push(answerOf(next, dataset.labels[next] ?? 0, probabilities))
    next++
  }
  await model.evaluate(dataset, {
    ...(featureStore === undefined ? {} : { featureStore }),
    ...(signal ? { signal } : {}),
    // Unusable photos are told of before the first answer.
    onEvent(event) {
      if (event.type === 'unusable') unusable.add(event.path)
      onEvent('split' in event ? { ...event, split: part } : event)
    },
    onPredictions({ data, shape }) {
      const [count = 0, width = 1] = shape
      for (let i = 0; i < count; i++) take(data.subarray(i * width, (i + 1) * width))
    },
  })
  return answers
}
