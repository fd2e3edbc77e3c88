/** @file `rootstock predict`: names photos. */
import { RootstockError } from '../errors.ts'
import type { Interpolation } from '../image/index.ts'
import type { Classifier, PhotoFile, Prediction } from '../transfer/index.ts'
import { timedBar } from './bar.ts'
import { command, type Outcome } from './command.ts'
import { choice, count, positive, quantity, word } from './flag-values.ts'
import { modelFlags } from './model-flags.ts'
import { MODEL_KINDS, openAnswering } from './open-classifier.ts'
import { TOP_WEIGHTS } from './network-names.ts'
import { oneLine } from './one-line.ts'
import { photoFiles } from './photo-files.ts'
import { followLinks } from './photo-flags.ts'
import { alignColumns, percent } from './table.ts'
import type { Terminal } from './terminal.ts'

const FILTERS = ['nearest', 'bilinear', 'bicubic', 'lanczos', 'box', 'hamming'] as const satisfies readonly Interpolation[]

export const predict = command({
  name: 'predict',
  summary: 'Name photos with a trained classifier, or with a network that knows the 1,000 classes of ImageNet.',
  operands: [
    { name: 'MODEL', description: MODEL_KINDS, completes: 'models' },
    { name: 'IMAGE', description: 'Photos, or folders of photos', variadic: true },
  ],
  flags: {
    top: count('N', 'Answers per photo; default 3'),
    alpha: quantity('A', 'Width of mobilenet: 0.25, 0.5, 0.75 or 1; default 1', positive),
    weights: word('FILE', 'An .h5 file with the weights of the network; default imagenet', TOP_WEIGHTS),
    exif: choice('HOW', 'apply turns photos as the camera says, ignore does as Keras; default apply', ['apply', 'ignore'] as const),
    followLinks,
    resize: choice('FILTER', `${FILTERS.join(', ')}; default bilinear`, FILTERS),
    ...modelFlags,
  },
  examples: [
    'rootstock predict runs/pets cat.jpg',
    'rootstock predict classifier.onnx cat.jpg',
    'rootstock predict mobilenet --alpha 0.25 holiday/ --top 5 --json',
  ],
  run: async ({ operands: [model = '', ...images], flags, terminal, signal }) => {
    const { top, exif, resize, followLinks, ...building } = flags
    const { files, notes } = await photoFiles(images, followLinks ? { followLinks } : {})
    for (const note of notes) terminal.note(note)
    const opened = await openAnswering(model, building, { terminal, signal })
    const { classifier } = opened
    try {
      const options = { ...(top && { top }), ...(exif && { exif }), ...(resize && { interpolation: resize }) }
      const outcome = await nameAll(classifier, files, { options, terminal, signal })
      if (!signal.aborted) await opened.keep()
      return outcome
    } finally {
      await classifier.dispose()
    }
  },
})

interface Naming {
  readonly options: NonNullable<Parameters<Classifier['predictAll']>[1]>
  readonly terminal: Terminal
  readonly signal: AbortSignal
}

async function nameAll(
  classifier: Classifier,
  files: readonly (string | PhotoFile)[],
  { options, terminal, signal }: Naming,
): Promise<Outcome> {
  const bar = timedBar(terminal.progress, { label: 'Photos', unit: 'photos' })
  const predictions: { file: string; top: readonly Prediction[] }[] = []
  const unusable: { file: string; reason: string }[] = []
  for await (const result of classifier.predictAll(files, options)) {
    if (signal.aborted) break
    bar.clear()
    if ('top' in result) {
      predictions.push(result)
      showPhoto(result, terminal)
    } else {
      unusable.push(result)
      if (files.length > 1) terminal.note(`not used: ${nameOnce(result)}`)
    }
    const done = predictions.length + unusable.length
    if (files.length > 1) bar.update(done, files.length)
  }
  bar.clear()
  const json = { predictions, ...(unusable.length > 0 && { unusable }) }
  if (predictions.length > 0 || !unusable[0]) {
    if (unusable.length > 0) terminal.note(`${unusable.length} of ${files.length} pictures could not be used`)
    return { json }
  }
  return { json, error: noneWorked(unusable[0], unusable.length) }
}

function showPhoto({ file, top }: { file: string; top: readonly Prediction[] }, { print, colors }: Terminal): void {
  print(colors.bold(oneLine(file)))
  const rows = top.map(({ label, probability, wnid }) => [oneLine(label), percent(probability), ...(wnid === undefined ? [] : [wnid])])
  alignColumns(rows).forEach((line, i) => print(i === 0 ? line : colors.dim(line)))
}

function noneWorked(first: { file: string; reason: string }, count: number): RootstockError {
  // A single photo was named only here; several have been named one by one.
  const message = count === 1 ? nameOnce(first) : `None of ${count} pictures can be used; the first is ${nameOnce(first)}`
  const hint = first.reason.includes('ENOENT') ? 'Check the path' : 'Give photos that other programs open'
  return new RootstockError('IMAGE', message, { hint })
}

/** Reasons of the library begin with the name already. */
function nameOnce({ file, reason }: { file: string; reason: string }): string {
  return reason.includes(file) ? reason : `${file}: ${reason}`
}
