/** @file What a classifier answered, photo by photo, and the figures that follow from it. */
import type { Evaluation } from '../options.ts'

/** One photo's answer in a few numbers, so that those of many photos stay in memory. */
export interface Answer {
  /** The photo's place in its dataset. */
  readonly index: number
  /** The true class. */
  readonly label: number
  /** The most probable class. */
  readonly predicted: number
  /** Of `predicted`, 0 … 1. */
  readonly probability: number
  /** Of the true class, 0 … 1. */
  readonly ofTruth: number
}

/** The answer for one photo from the probabilities of all classes. */
export function answerOf(index: number, label: number, probabilities: Float32Array): Answer {
  const predicted = probabilities.reduce((best, value, i) => (value > (probabilities[best] ?? -1) ? i : best), 0)
  return { index, label, predicted, probability: probabilities[predicted] ?? 0, ofTruth: probabilities[label] ?? 0 }
}

/** Accuracy, mean cross-entropy, figures of every class and the confusion matrix. */
export function evaluationOf(classNames: readonly string[], answers: readonly Answer[]): Evaluation {
  const confusion = classNames.map(() => classNames.map(() => 0))
  let loss = 0
  for (const { label, predicted, ofTruth } of answers) {
    const row = confusion[label]
    if (row) row[predicted] = (row[predicted] ?? 0) + 1
    loss -= Math.log(Math.min(1 - 1e-7, Math.max(1e-7, ofTruth)))
  }
  const images = answers.length
  const right = answers.filter(({ label, predicted }) => label === predicted).length
  const named = classNames.map((_, i) => confusion.reduce((sum, row) => sum + (row[i] ?? 0), 0))
  const perClass = classNames.map((label, i) => {
    const row = confusion[i] ?? []
    const truly = row.reduce((sum, count) => sum + count, 0)
    const precision = ratio(row[i] ?? 0, named[i] ?? 0)
    const recall = ratio(row[i] ?? 0, truly)
    return { label, images: truly, precision, recall, f1: ratio(2 * precision * recall, precision + recall) }
  })
  return { images, accuracy: ratio(right, images), loss: ratio(loss, images), perClass, confusion }
}

/** The wrong answers, those given with most confidence first. */
export function mistakesOf(answers: readonly Answer[]): Answer[] {
  return answers.filter(({ label, predicted }) => label !== predicted).sort((a, b) => b.probability - a.probability || a.index - b.index)
}

function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b
}
