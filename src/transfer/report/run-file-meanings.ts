/** @file What the files of a run's folder are; docs/run-folder.md says more. */
import { readdir } from 'node:fs/promises'

/** In the order of interest. */
const MEANINGS: readonly (readonly [name: string, meaning: string])[] = [
  ['README.md', 'this page'],
  ['report.html', 'curves, confusion matrix, figures of every class and the worst mistakes, in one page'],
  ['classifier.onnx', 'the classifier for any ONNX runtime: weights, class names and preprocessing'],
  ['best.weights.h5', 'the weights of the best epoch, as Keras reads them'],
  ['trunk.int8.onnx', 'the frozen part in 8 bits, which this run computes with'],
  ['last.ckpt', 'the state after the last epoch, to go on from'],
  ['run.json', 'settings, versions and figures, for programs'],
  ['config.yaml', 'the settings under the names of the flags, and the command that repeats the run'],
  ['split.json', 'every photo with its class, part and content hash'],
  ['history.csv', "figures of every epoch under Keras's names"],
  ['results.csv', 'the same under the names of Ultralytics'],
  ['results.svg', 'the curves'],
  ['results.png', 'the curves'],
  ['confusion_matrix.svg', 'which classes are taken for which'],
  ['confusion_matrix.png', 'which classes are taken for which'],
  ['confusion_matrix_normalized.svg', 'the same in per cent of each class'],
  ['confusion_matrix_normalized.png', 'the same in per cent of each class'],
  ['train_batch.png', 'training photos as the network sees them'],
  ['val_predictions.png', 'answers for validation photos'],
  ['log.txt', 'what happened, line by line'],
  ['logs', 'event files for TensorBoard'],
]

/** A run goes on with these, or writes behind their end. */
const CONTINUED = ['last.ckpt', 'run.json', 'log.txt', 'logs']

/** The files of a folder that a new run would replace. */
export async function replacedFiles(folder: string): Promise<string[]> {
  const found = new Set(await readdir(folder).catch(() => []))
  return MEANINGS.flatMap(([name]) => (found.has(name) && !CONTINUED.includes(name) ? [name] : []))
}

/** Those that are there, README.md included, which is written last. */
export async function runFileMeanings(run: string): Promise<readonly (readonly [name: string, meaning: string])[]> {
  const found = new Set([...(await readdir(run)), 'README.md'])
  return MEANINGS.filter(([name]) => found.has(name))
}
