/** @file Flags for models that do not say of themselves how they are used: whole Keras models. */
import type { PreprocessMode } from '../image/index.ts'
import { choice, count, word } from './flag-values.ts'

const MODES = ['caffe', 'tf', 'torch', 'tutorial', 'none'] as const satisfies readonly PreprocessMode[]

/** Given to commands that open a MODEL. */
export const modelFlags = {
  labels: word('FILE', 'Of a Keras model: names of its classes, one a line or as JSON; default a file labels.txt or labels.json beside it'),
  preprocessing: choice('MODE', `Of a Keras model: ${MODES.join(', ')}; default that of its network`, MODES),
  size: count('PIXELS', "Height and width of the network's input, where the model leaves it open; default its own"),
}
