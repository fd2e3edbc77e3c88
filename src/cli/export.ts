/** @file `rootstock export`: a classifier in the format of another program. */
import { RootstockError } from '../errors.ts'
import type { Int8Agreement } from '../training/index.ts'
import type { Classifier, SavedClassifier } from '../transfer/index.ts'
import { command } from './command.ts'
import { choice, positive, quantity, word } from './flag-values.ts'
import { modelFlags } from './model-flags.ts'
import { openClassifier } from './open-classifier.ts'
import { trainingProgress, type Progress } from './progress.ts'
import { TOP_WEIGHTS } from './network-names.ts'
import { oneLine } from './one-line.ts'
import { grouped } from './table.ts'
import type { Terminal } from './terminal.ts'

const PRECISIONS = ['float32', 'float16', 'int8'] as const

export const exportCommand = command({
  name: 'export',
  summary: 'Write a classifier for other programs, in the format that the name of the file asks for.',
  operands: [
    { name: 'MODEL', description: 'The folder of a run, a .keras or .h5 model, or the name of a network', completes: 'models' },
    {
      name: 'OUT',
      description: 'classifier.onnx (any ONNX runtime), NAME.keras or NAME.h5 (Keras), NAME.weights.h5 or NAME.safetensors (weights alone)',
    },
  ],
  flags: {
    precision: choice(
      'HOW',
      'float32; float16, which halves an .onnx; or int8: the convolutions in a quarter of the space, and faster. Default as the classifier computes',
      PRECISIONS,
    ),
    photos: word('FOLDER', 'With --precision int8: photos to choose 8-bit ranges from, for classifiers that were trained in float32'),
    alpha: quantity('A', 'Width of mobilenet; default 1', positive),
    weights: word('FILE', 'An .h5 file with the weights of the network; default imagenet', TOP_WEIGHTS),
    ...modelFlags,
  },
  examples: [
    'rootstock export runs/pets pets.keras',
    'rootstock export runs/pets pets-half.onnx --precision float16',
    'rootstock export runs/pets pets-8.onnx --precision int8 --photos photos',
  ],
  run: async ({ operands: [model = '', out = ''], flags: { precision, photos, ...building }, terminal, signal }) => {
    if (photos !== undefined && precision !== 'int8') throw new RootstockError('USAGE', 'Cannot use --photos without --precision int8')
    const { checkPlace } = await import('../transfer/save-classifier.ts')
    checkPlace(out, precision)
    const classifier = await openClassifier(model, building, { terminal, signal })
    const progress = trainingProgress(terminal.progress)
    const { onEvent } = progress
    try {
      const agreement = photos === undefined ? undefined : await quantized(classifier, photos, { onEvent, signal })
      const saved = await classifier.save(out, { onEvent, ...(precision && { precision }) })
      progress.finish()
      show(saved, agreement, terminal)
      return { json: { ...saved, ...(agreement && { agreement }), classes: classifier.classNames } }
    } finally {
      progress.finish()
      await classifier.dispose()
    }
  },
})

interface Quantizing {
  readonly onEvent: Progress['onEvent']
  readonly signal: AbortSignal
}

async function quantized(classifier: Classifier, photos: string, told: Quantizing): Promise<Int8Agreement> {
  const { quantizeClassifier } = await import('../transfer/index.ts')
  return quantizeClassifier(classifier, photos, told)
}

function show(saved: SavedClassifier, agreement: Int8Agreement | undefined, { print, colors }: Terminal): void {
  const { path, bytes, precision, labels, difference, tolerance, floatDifference } = saved
  print(`${colors.bold(oneLine(path))}: ${grouped(bytes)} bytes, ${precision}`)
  if (labels !== undefined) print(`Names of the classes: ${oneLine(labels)}`)
  if (agreement) {
    const { cosine, photos } = agreement
    print(
      `Features agree with float32 to a cosine of ${cosine.mean.toFixed(4)}, ${cosine.min.toFixed(4)} at least, over ${photos.compared} photos`,
    )
  }
  if (difference === undefined || tolerance === undefined) return
  const computing = precision === 'int8' ? ' in int8' : ''
  print(
    `Its answers differ by at most ${difference.toPrecision(2)} from the classifier's${computing} over its parity samples; ${tolerance} is allowed`,
  )
  if (floatDifference !== undefined) print(`From its answers in float32 they differ by at most ${floatDifference.toPrecision(2)} there`)
}
