/** @file Measures the classifier of a run, which knows what it has learned from. */
import type { Part } from '../data/index.ts'
import type { Classifier } from './classifier.ts'
import { evaluateClassifier } from './evaluate-classifier.ts'
import type { EvaluateFolderOptions, Evaluation } from './options.ts'
import { learnedPhotos, runPart } from './report/run-split.ts'

/** What is measured. */
export interface EvaluateRunOptions extends EvaluateFolderOptions {
  /** The run's folder. */
  readonly run: string
  /** A folder with one folder per class or, with `part`, the folder that the run was trained on. */
  readonly folder: string
  /** Only the photos of this part of the run's own split. */
  readonly part?: Part
}

/**
 * As `Classifier.evaluate`, and warns of photos that the run trained with, told by their content. Code DATA where a photo of `part` is missing or
 * was changed, FILE where the run has no split.
 */
export async function evaluateRun(
  classifier: Classifier,
  { run, folder, part, onEvent, ...scanning }: EvaluateRunOptions,
): Promise<Evaluation> {
  const data = part === undefined ? folder : await runPart(run, folder, { part, ...scanning })
  const learned = await learnedPhotos(run)
  const told = { ...scanning, ...(onEvent && { onEvent }), ...(learned && { learned }), ...(part && { part }) }
  const evaluation = await evaluateClassifier(classifier, data, told)
  if (evaluation.learned) {
    const message = `${evaluation.learned} of ${evaluation.images} photos were among those that ${run} trained with: these figures are too good`
    onEvent?.({ type: 'warning', message, by: 'evaluate' })
  }
  return evaluation
}
