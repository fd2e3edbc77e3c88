/** @file `rootstock evaluate`: how well a classifier does on a folder of photos. */
import type { Evaluation } from '../transfer/index.ts'
import { command } from './command.ts'
import { RootstockError } from '../errors.ts'
import { choice } from './flag-values.ts'
import { modelFlags } from './model-flags.ts'
import { oneLine } from './one-line.ts'
import { followLinks } from './photo-flags.ts'
import { trainingProgress } from './progress.ts'
import { alignColumns, counted, percent } from './table.ts'
import type { Terminal } from './terminal.ts'

/** A wider matrix does not fit a terminal; --json has it whole. */
const MATRIX_CLASSES = 12

export const evaluate = command({
  name: 'evaluate',
  summary: 'Measure a trained classifier on a folder with one folder per class.',
  operands: [
    { name: 'MODEL', description: 'The folder of a run, a classifier.onnx, or a .keras or .h5 model', completes: 'runs' },
    { name: 'FOLDER', description: 'A folder with one folder of photos per class', completes: 'folders' },
  ],
  flags: {
    ...modelFlags,
    followLinks,
    part: choice(
      'PART',
      'Of a run and the folder that it was trained on: only the photos of this part of its split: train, validation, test',
      ['train', 'validation', 'test'] as const,
    ),
  },
  examples: [
    'rootstock evaluate runs/pets data/test',
    'rootstock evaluate runs/pets photos --part test',
    'rootstock evaluate classifier.onnx data/test --json',
  ],
  run: async ({ operands: [model = '', folder = ''], flags: { part, followLinks, ...flags }, terminal }) => {
    const { evaluateRun, isRunFolder, loadClassifier } = await import('../transfer/index.ts')
    const progress = trainingProgress(terminal.progress)
    const isRun = await isRunFolder(model)
    if (part !== undefined && !isRun) {
      throw new RootstockError('USAGE', `Cannot use --part with ${model}: it is no run, and only a run knows its split`, {
        hint: 'Leave --part out',
      })
    }
    const classifier = await loadClassifier(model, flags)
    try {
      const told = { onEvent: progress.onEvent, ...(followLinks && { followLinks }) }
      const evaluation = isRun
        ? await evaluateRun(classifier, { run: model, folder, ...told, ...(part && { part }) })
        : await classifier.evaluate(folder, told)
      progress.finish()
      show(evaluation, terminal)
      return { json: evaluation }
    } finally {
      progress.finish()
      await classifier.dispose()
    }
  },
})

function show({ images, accuracy, loss, perClass, confusion }: Evaluation, { print, colors }: Terminal): void {
  print(colors.bold(`Accuracy ${percent(accuracy)}`) + ` of ${counted(images, 'photo')}, loss ${loss.toFixed(4)}`)
  const classes = perClass.map(({ label, images: count, precision, recall, f1 }) => [
    oneLine(label),
    count,
    ...[precision, recall, f1].map(percent),
  ])
  for (const line of alignColumns([['class', 'photos', 'precision', 'recall', 'f1'], ...classes])) print(line)
  if (perClass.length > MATRIX_CLASSES) return
  print('Rows are the true classes, columns the answers:')
  const labels = perClass.map(({ label }) => oneLine(label))
  for (const line of alignColumns([['', ...labels], ...confusion.map((row, i) => [labels[i] ?? '', ...row])])) print(line)
}
