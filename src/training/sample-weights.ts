/** @file How much each sample of a batch counts: its own weight times that of its class. */
import { RootstockError } from '../errors.ts'
import type { Tensor } from '../tensor/index.ts'
import { balancedClassWeights } from '../data/index.ts'
import type { Opened } from './run-data.ts'
import type { Source } from './source.ts'

/** Weights of samples and classes as `fit` takes them. */
export interface WeightOptions {
  readonly sampleWeight?: ArrayLike<number> | undefined
  readonly classWeight?: Readonly<Record<number, number>> | undefined
}

/** [n]: the samples' own weights (default 1) times those of their classes (default 1). Classes are read from the targets. */
export function batchWeights(targets: Tensor<'float32'>, { sampleWeight, classWeight }: WeightOptions): Float32Array {
  const [size = 0, outputs = 1] = targets.shape
  if (sampleWeight) checkSampleWeight(sampleWeight, size)
  const result = sampleWeight ? Float32Array.from(sampleWeight) : new Float32Array(size).fill(1)
  if (!classWeight) return result
  for (let i = 0; i < size; i++) {
    const row = targets.data.subarray(i * outputs, (i + 1) * outputs)
    const label = outputs === 1 ? nearest(row[0]!) : row.indexOf(Math.max(...row))
    result[i]! *= classWeight[label] ?? 1
  }
  return result
}

/** The weights by class; 'balanced' counts the classes of the training data that can be used. Code USAGE where they cannot be counted before it is read. */
export function classWeightsFor(
  given: Readonly<Record<number, number>> | 'balanced' | undefined,
  opened: Opened,
  { source, outputs }: { readonly source: Source; readonly outputs: number },
): Readonly<Record<number, number>> | undefined {
  if (given !== 'balanced') {
    checkClassWeight(given, outputs)
    return given
  }
  if (opened.kind === 'stream') {
    throw new RootstockError(
      'USAGE',
      "Cannot balance the classes: found a stream, expected photos or tensors, for classWeight 'balanced'",
      {
        hint: 'Give the weights as numbers by class',
      },
    )
  }
  if (opened.kind === 'dataset') {
    const { labels, classNames } = source.dataset ?? opened.dataset
    return { ...balancedClassWeights(labels, classNames.length) }
  }
  // One output tells two classes apart.
  return { ...balancedClassWeights(classNumbers(opened.pair.y), Math.max(2, outputs)) }
}

/** Throws USAGE for what is no number of a class, and for a weight that is no number. */
export function checkClassWeight(given: Readonly<Record<number, number>> | undefined, outputs: number): void {
  // Its entries are no properties, so that it would weigh nothing.
  if ((given as unknown) instanceof Map)
    throw new RootstockError('USAGE', 'Invalid classWeight: found a Map, expected an object', { hint: 'Write Object.fromEntries(map)' })
  for (const [label, weight] of Object.entries(given ?? {})) {
    // One output has as many classes as the labels say.
    const isClass = /^\d+$/.test(label) && (outputs === 1 || Number(label) < outputs)
    const classes = outputs === 1 ? 'the numbers of classes, from 0' : `classes 0 to ${outputs - 1}`
    if (isClass && Number.isFinite(weight)) continue
    const found = isClass ? `the weight ${weight} for class ${label}, expected a finite number` : `a class "${label}", expected ${classes}`
    throw new RootstockError('USAGE', `Invalid classWeight: found ${found}`, {
      hint: "Name classes by their number, such as { 0: 1, 1: 2.5 }, or give 'balanced' to fit",
    })
  }
}

/** Classes of one-hot rows, of numbers, or of one column of 0 and 1. */
export function classNumbers({ data, shape }: Tensor): number[] {
  const [size = 0, width = 1] = shape
  return Array.from({ length: size }, (_, i) => {
    const row = Array.from(data.subarray(i * width, (i + 1) * width), Number)
    return width === 1 ? nearest(row[0] ?? 0) : row.indexOf(Math.max(...row))
  })
}

/** The nearest whole number; of two that are equally near the even one, as NumPy rounds for Keras. */
function nearest(value: number): number {
  const below = Math.floor(value)
  return value - below === 0.5 ? below + (Math.abs(below) % 2) : Math.round(value)
}

/** Throws SHAPE unless there is one weight per sample, and DATA for one that is no number: the loss of its batch would be none either. */
export function checkSampleWeight(weights: ArrayLike<number>, samples: number): void {
  if (weights.length !== samples) {
    throw new RootstockError(
      'SHAPE',
      `Cannot weigh the samples: found ${weights.length} weights, expected one for each of ${samples} samples`,
    )
  }
  for (let i = 0; i < samples; i++) {
    if (Number.isFinite(weights[i])) continue
    throw new RootstockError(
      'DATA',
      `Cannot weigh the samples: found ${String(weights[i])} at ${i} of sampleWeight, expected a finite number`,
      {
        hint: 'Leave a sample out of the loss with a weight of 0',
      },
    )
  }
}
