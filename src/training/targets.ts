/** @file Labels at the door: checked against the model's output, and turned into the numbers that a loss computes with. */
import { RootstockError } from '../errors.ts'
import { showShape, type Dim, type Tensor } from '../tensor/index.ts'
import { oneHot, type LabelMode } from '../data/index.ts'
import type { Loss } from './losses/index.ts'

/** How a dataset should give its labels to a loss. */
export function labelModeFor(loss: Loss): LabelMode {
  return loss.targets === 'sparse' ? 'int' : loss.targets
}

/** [n, outputs] float32 for the step graph. */
export function targetsFor(loss: Loss, labels: Tensor, output: readonly Dim[]): Tensor<'float32'> {
  const outputs = output.at(-1) ?? 1
  const samples = labels.shape[0] ?? 0
  if (loss.targets === 'sparse') {
    if (labels.data.length !== samples)
      throw mismatch(loss, labels, 'one class number per sample', 'use categoricalCrossentropy for one-hot labels')
    return oneHot(Array.from(labels.data as ArrayLike<number | bigint>, Number), outputs)
  }
  if (labels.data.length !== samples * outputs) {
    const hint =
      loss.targets === 'categorical'
        ? 'use sparseCategoricalCrossentropy for class numbers'
        : 'binary losses take as many labels as the model has outputs'
    throw mismatch(loss, labels, `[n,${outputs}], as the model's output`, hint)
  }
  const data = labels.data instanceof Float32Array ? labels.data : Float32Array.from(labels.data as ArrayLike<number>, Number)
  return { data, shape: [samples, outputs], dtype: 'float32' }
}

function mismatch(loss: Loss, labels: Tensor, expected: string, hint: string): RootstockError {
  return new RootstockError('SHAPE', `Cannot compute ${loss.name}: labels have shape ${showShape(labels.shape)}, expected ${expected}`, {
    hint,
  })
}
