/** @file What features are worth: a linear head on standardized numbers, judged on photos that it has not seen. */
import type { Tensor } from '../../tensor/index.ts'
import { stratifiedFolds } from './folds.ts'
import { openRegression, type Regression, type Samples } from './softmax-regression.ts'

/** Features with their classes. */
export interface Labelled {
  /** One row of numbers per sample, all of one length. */
  readonly features: readonly Float32Array[]
  /** Class of each sample, from 0. */
  readonly labels: readonly number[]
  /** A name per sample; samples of one name, such as copies of one photo, are never on both sides. */
  readonly units?: readonly string[] | undefined
}

/** How a probe cross-validates. */
export interface ProbeOptions {
  /** Parts, each of which is the test once. Default 5. */
  readonly folds?: number
  readonly seed?: number
  readonly signal?: AbortSignal | undefined
  /** Told after every part. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** Strengths of the pull of the weights towards zero, strongest first; each head chooses one by its own training photos. */
const DECAYS: readonly number[] = [3, 1, 0.3, 0.1]
/** Parts of the training photos on which the strength is chosen. */
const INNER = 4

/** Whether each sample was named rightly by a head that had not seen it. */
export async function crossValidate(given: Labelled, { folds = 5, seed = 0, signal, onProgress }: ProbeOptions = {}): Promise<boolean[]> {
  const { labels, units } = given
  const fold = stratifiedFolds(labels, { folds, seed, units })
  const right = new Array<boolean>(labels.length).fill(false)
  await withRegression(given, async (regression) => {
    for (let k = 0; k < folds; k++) {
      signal?.throwIfAborted()
      const [train, test] = [indices(fold, (own) => own !== k), indices(fold, (own) => own === k)]
      const found = test.length > 0 && train.length > 0 ? await judge(regression, given, { train, test, signal }) : []
      test.forEach((i, at) => (right[i] = found[at] ?? false))
      onProgress?.(k + 1, folds)
    }
  })
  return right
}

/** Accuracy on `test` of a head that learned from `train`, for each of some splits. */
export async function probeSplits(
  given: Labelled,
  splits: readonly { train: readonly number[]; test: readonly number[] }[],
): Promise<number[]> {
  const accuracies: number[] = []
  await withRegression(given, async (regression) => {
    for (const split of splits) {
      const right = await judge(regression, given, split)
      accuracies.push(right.filter(Boolean).length / right.length)
    }
  })
  return accuracies
}

async function withRegression({ features, labels }: Labelled, work: (regression: Regression) => Promise<void>): Promise<void> {
  const regression = await openRegression((features[0]?.length ?? 0) + 1, Math.max(...labels) + 1)
  try {
    await work(regression)
  } finally {
    await regression.dispose()
  }
}

/** Whether the head names each of `test` rightly. */
async function judge(
  regression: Regression,
  given: Labelled,
  { train, test, signal }: { train: readonly number[]; test: readonly number[]; signal?: AbortSignal | undefined },
): Promise<boolean[]> {
  const { mean, deviation } = spreadOf(given.features, train)
  const rows = (chosen: readonly number[]): Samples => ({
    rows: standardized(
      chosen.map((i) => given.features[i]!),
      mean,
      deviation,
    ),
    labels: chosen.map((i) => given.labels[i]!),
  })
  const decay = await bestDecay(regression, given, { train, rows, signal })
  const head = await regression.fit(rows(train), decay)
  const answers = await regression.classify(rows(test).rows, head)
  return test.map((i, at) => answers[at] === given.labels[i])
}

/** The strength of least loss on parts of the training photos which the head did not see: right answers are too few to tell strengths apart. */
async function bestDecay(
  regression: Regression,
  { labels, units }: Labelled,
  { train, rows, signal }: { train: readonly number[]; rows: (chosen: readonly number[]) => Samples; signal: AbortSignal | undefined },
): Promise<number> {
  const own = { folds: INNER, seed: 'inner', units: units && train.map((i) => units[i]!) }
  const fold = stratifiedFolds(
    train.map((i) => labels[i]!),
    own,
  )
  const loss = new Float64Array(DECAYS.length)
  for (let k = 0; k < INNER; k++) {
    const [rest, held] = [rows(train.filter((_, i) => fold[i] !== k)), rows(train.filter((_, i) => fold[i] === k))]
    if (rest.labels.length === 0 || held.labels.length === 0) continue
    let head: Float64Array | undefined
    for (const [at, decay] of DECAYS.entries()) {
      signal?.throwIfAborted()
      // The head of the stronger pull is near: each solution begins at the one before.
      head = await regression.fit(rest, decay, { start: head, tolerance: 1e-3 })
      loss[at]! += await regression.loss(held, head)
    }
  }
  return DECAYS[loss.indexOf(Math.min(...loss))] ?? 1
}

/** Mean and deviation of every feature over the training photos; a deviation of zero counts as one. */
function spreadOf(features: readonly Float32Array[], train: readonly number[]): { mean: Float64Array; deviation: Float64Array } {
  const width = features[0]?.length ?? 0
  const mean = new Float64Array(width)
  const square = new Float64Array(width)
  for (const i of train) for (let k = 0; k < width; k++) mean[k]! += features[i]![k]! / train.length
  for (const i of train) for (let k = 0; k < width; k++) square[k]! += (features[i]![k]! - mean[k]!) ** 2 / train.length
  return { mean, deviation: square.map((value) => Math.sqrt(value) || 1) }
}

/** With the offset's one at the end of each row. */
function standardized(features: readonly Float32Array[], mean: Float64Array, deviation: Float64Array): Tensor<'float32'> {
  const width = mean.length + 1
  const data = new Float32Array(features.length * width).fill(1)
  features.forEach((row, i) => {
    for (let k = 0; k < row.length; k++) data[i * width + k] = (row[k]! - mean[k]!) / deviation[k]!
  })
  return { data, shape: [features.length, width], dtype: 'float32' }
}

const indices = (fold: readonly number[], isWanted: (own: number) => boolean): number[] =>
  fold.flatMap((own, i) => (isWanted(own) ? [i] : []))
