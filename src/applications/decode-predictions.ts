/** @file Turns the 1,000 scores of an ImageNet network into names. */
import { refuseUnknown, requireTensor, RootstockError } from '../errors.ts'
import { rows, showShape, type Tensor } from '../tensor/index.ts'
import { imagenetLabels, type ImagenetLabel } from './labels.ts'

/** A class and the score that a network gave it. */
export interface DecodedPrediction extends ImagenetLabel {
  /** As the network gave it: a probability after softmax, otherwise a logit. */
  readonly score: number
}

/** Options of `decodePredictions`. */
export interface DecodeOptions {
  /** How many classes per photo; 1 to 1000, default 5. */
  readonly top?: number
}

/**
 * The best classes of each row of `predictions` (shape [n, 1000]), best score first; equal scores come in falling order of their
 * index. Throws SHAPE for any other shape.
 */
export function decodePredictions(predictions: Tensor, options: DecodeOptions = {}): DecodedPrediction[][] {
  refuseUnknown('decodePredictions', options, { top: true })
  const { top = 5 } = options
  requireTensor(predictions, 'Cannot decode predictions')
  const [count = 0, classes] = predictions.shape
  if (predictions.shape.length !== 2 || classes !== imagenetLabels.length || predictions.dtype !== 'float32') {
    const found = `${predictions.dtype} ${showShape(predictions.shape)}`
    throw new RootstockError('SHAPE', `Cannot decode predictions: they are ${found}, expected float32 [n,${imagenetLabels.length}]`, {
      hint: 'Only a network with the 1,000 ImageNet classes on top can be decoded; use your own class names otherwise.',
    })
  }
  if (!Number.isInteger(top) || top < 1 || top > imagenetLabels.length) {
    throw new RootstockError(
      'USAGE',
      `Cannot decode predictions: top is ${top}, expected a whole number from 1 to ${imagenetLabels.length}`,
    )
  }
  return Array.from({ length: count }, (_, i) => bestOf(Float32Array.from(rows(predictions, i, i + 1).data, Number), top))
}

function bestOf(scores: Float32Array, top: number): DecodedPrediction[] {
  return imagenetLabels
    .map((label, index) => ({ label, index, score: scores[index] ?? 0 }))
    .sort((a, b) => falling(a.score, b.score) || b.index - a.index)
    .slice(0, top)
    .map(({ label, score }) => ({ ...label, score }))
}

/** NumPy's order read backwards: NaN counts as the largest number, so a broken network shows at once. */
function falling(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a))
  return a === b ? 0 : b - a
}
