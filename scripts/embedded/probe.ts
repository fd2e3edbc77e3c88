/** @file A linear head on given features: softmax regression on standardized numbers, the same procedure for every network and set. */
import { random } from '../../src/tensor/index.ts'

/** Accuracies on the test photos of several random splits. */
export interface Probed {
  readonly accuracies: readonly number[]
  readonly mean: number
  /** Of a sample: divided by splits − 1. */
  readonly deviation: number
}

/** Strengths of the pull of the weights towards zero; each split chooses one by its own training photos. */
const DECAYS: readonly number[] = [0.01, 0.1, 1, 3]
const FOLDS = 4
const STEPS = 120
const RATE = 0.03

/** Rows with an offset's one at their end, and the class of each. */
interface Samples {
  readonly rows: readonly Float64Array[]
  readonly labels: readonly number[]
}

/** Trains a head on each split and counts its right answers. Every class has the same share of test photos. */
export function probe(features: readonly Float32Array[], labels: readonly number[], wanted: { tests: number; splits: number }): Probed {
  const { tests, splits } = wanted
  const accuracies = Array.from({ length: splits }, (_, split) => {
    const parts = stratified(labels, tests / labels.length, `probe/${split}`)
    const samples = { rows: standardized(features, parts.train), labels }
    const decay = bestDecay(samples, parts.train)
    return accuracy(fitted(samples, parts.train, decay), samples, parts.test)
  })
  const mean = accuracies.reduce((sum, value) => sum + value, 0) / splits
  const deviation = Math.sqrt(accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (splits - 1))
  return { accuracies, mean, deviation }
}

function stratified(labels: readonly number[], share: number, seed: string): { train: number[]; test: number[] } {
  const rng = random(seed)
  const order = labels.map((label, i) => ({ i, label, key: rng.uniform() })).sort((a, b) => a.key - b.key)
  const test = [...new Set(labels)].flatMap((label) => {
    const own = order.filter((sample) => sample.label === label)
    return own.slice(0, Math.round(own.length * share))
  })
  const isTest = new Set(test.map(({ i }) => i))
  return { train: order.flatMap(({ i }) => (isTest.has(i) ? [] : [i])), test: [...isTest] }
}

/** By mean and deviation of the training photos. */
function standardized(features: readonly Float32Array[], train: readonly number[]): Float64Array[] {
  const width = features[0]?.length ?? 0
  const mean = new Float64Array(width)
  const square = new Float64Array(width)
  for (const i of train) {
    for (let k = 0; k < width; k++) {
      mean[k]! += features[i]![k]! / train.length
      square[k]! += features[i]![k]! ** 2 / train.length
    }
  }
  const deviation = mean.map((m, k) => Math.sqrt(Math.max(square[k]! - m ** 2, 0)) || 1)
  return features.map((row) => Float64Array.from({ length: width + 1 }, (_, k) => (k === width ? 1 : (row[k]! - mean[k]!) / deviation[k]!)))
}

/** The strength that does best on parts of the training photos which the head did not see. */
function bestDecay(samples: Samples, train: readonly number[]): number {
  const results = DECAYS.map((decay) => {
    const right = Array.from({ length: FOLDS }, (_, fold) => {
      const held = train.filter((_sample, i) => i % FOLDS === fold)
      const rest = train.filter((_sample, i) => i % FOLDS !== fold)
      return accuracy(fitted(samples, rest, decay), samples, held)
    })
    return { decay, mean: right.reduce((sum, value) => sum + value, 0) / FOLDS }
  })
  return results.reduce((best, result) => (result.mean > best.mean ? result : best)).decay
}

/** Softmax regression by gradient descent over all photos at once, with Adam. */
function fitted({ rows, labels }: Samples, train: readonly number[], decay: number): Float64Array[] {
  const width = rows[0]?.length ?? 0
  const classes = Math.max(...labels) + 1
  const zeros = (): Float64Array[] => Array.from({ length: classes }, () => new Float64Array(width))
  const [weights, first, second] = [zeros(), zeros(), zeros()]
  for (let step = 1; step <= STEPS; step++) {
    const gradient = weights.map((row) => row.map((weight, k) => (k === width - 1 ? 0 : decay * weight)))
    for (const i of train) {
      const errors = softmax(scores(rows[i]!, weights))
      errors[labels[i]!]! -= 1
      for (let c = 0; c < classes; c++) for (let k = 0; k < width; k++) gradient[c]![k]! += (errors[c]! * rows[i]![k]!) / train.length
    }
    const rate = (RATE * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step)
    for (let c = 0; c < classes; c++) {
      for (let k = 0; k < width; k++) {
        const slope = gradient[c]![k]!
        first[c]![k] = 0.9 * first[c]![k]! + 0.1 * slope
        second[c]![k] = 0.999 * second[c]![k]! + 0.001 * slope ** 2
        weights[c]![k]! -= (rate * first[c]![k]!) / (Math.sqrt(second[c]![k]!) + 1e-8)
      }
    }
  }
  return weights
}

function accuracy(weights: readonly Float64Array[], { rows, labels }: Samples, among: readonly number[]): number {
  const right = among.filter((i) => {
    const found = scores(rows[i]!, weights)
    return found.indexOf(Math.max(...found)) === labels[i]
  })
  return right.length / among.length
}

const scores = (row: Float64Array, weights: readonly Float64Array[]): number[] =>
  weights.map((weight) => {
    let sum = 0
    for (let k = 0; k < row.length; k++) sum += row[k]! * weight[k]!
    return sum
  })

function softmax(values: readonly number[]): number[] {
  const most = Math.max(...values)
  const powers = values.map((value) => Math.exp(value - most))
  const total = powers.reduce((sum, power) => sum + power, 0)
  return powers.map((power) => power / total)
}
