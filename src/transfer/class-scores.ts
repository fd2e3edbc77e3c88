/** @file Whether a foreign network ends in probabilities: Keras models are often trained from logits, and leave the softmax to their loss. */
import { RootstockError } from '../errors.ts'
import { softmax, type SymbolicTensor } from '../layers/index.ts'
import { Functional } from '../models/index.ts'
import { model, type Model } from '../training/index.ts'

/** Layers through which probabilities or scores go without becoming something else. */
const passing = new Set(
  (
    'Flatten Reshape Dropout ZeroPadding2D Rescaling BatchNormalization Add Multiply Concatenate ' +
    'AveragePooling2D GlobalAveragePooling2D MaxPooling2D GlobalMaxPooling2D InputLayer'
  ).split(' '),
)

/**
 * The model itself where it ends in softmax or sigmoid, else one with a softmax behind its scores, which is said in a warning. Throws FORMAT
 * for answers that are neither.
 */
export function withProbabilities(net: Model, path: string): Model {
  const ends = lastActivations(net.output)
  if (ends.size === 0 || ends.has('softmax') || ends.has('sigmoid')) return net
  const other = [...ends].find((name) => name !== 'linear')
  if (other !== undefined) {
    throw new RootstockError(
      'FORMAT',
      `Cannot use ${path} as a classifier: its answers come from ${other}, expected probabilities (softmax, sigmoid) or the scores of a linear layer`,
      { hint: 'loadModel opens it as a model' },
    )
  }
  process.emitWarning(`${path} gives scores (logits), not probabilities; its answers go through a softmax`)
  const isTaken = net.layers.some(({ name }) => name === 'probabilities')
  const last = softmax(isTaken ? {} : { name: 'probabilities' })
  return model({ inputs: net.inputs, outputs: last(net.output), name: net.name })
}

/** The activations that were applied last on all ways to a tensor. */
function lastActivations(output: SymbolicTensor): ReadonlySet<string> {
  const found = new Set<string>()
  const seen = new Set<SymbolicTensor>()
  const waiting = [output]
  for (let tensor = waiting.pop(); tensor; tensor = waiting.pop()) {
    if (seen.has(tensor)) continue
    seen.add(tensor)
    const { layer, inputs } = tensor.call
    const { activation } = layer.config as { readonly activation?: string }
    if (layer instanceof Functional) waiting.push(layer.output)
    else if (passing.has(layer.className) || (layer.className === 'Activation' && activation === 'linear')) waiting.push(...inputs)
    else found.add(activation ?? layer.className.toLowerCase())
  }
  return found
}
