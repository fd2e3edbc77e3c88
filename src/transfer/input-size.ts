/** @file How large the pictures are that the network of a training reads, before the training begins. */
import { checkedSpec } from './classifier-model.ts'
import type { TrainClassifierOptions } from './options.ts'
import { isRunFolder, readRunSettings } from './run-folder.ts'
import { settleWeights } from './settle-weights.ts'

/**
 * Height and width in pixels that `trainClassifier` gives its network with these options: `size` or, without it, that of the run that goes on, of
 * the embedded weights, or the network's own. Makes sure of the weights where they decide. Codes as there.
 */
export async function inputSizeOf(options: TrainClassifierOptions): Promise<number> {
  const { size, resume, out } = options
  if (size !== undefined) return size
  // A run that is not there is told by the training, whatever its size; nothing is fetched before.
  if (resume) return out !== undefined && (await isRunFolder(out)) ? (await readRunSettings(out)).size : 1
  return checkedSpec((await settleWeights(options)).options).size
}
