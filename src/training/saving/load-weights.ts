/** @file Fills a model from a file, and the optimizer's memory too where the file holds it and the model is compiled. */
import { RootstockError } from '../../errors.ts'
import { assignWeights, describeRow, openWeightFile, readKerasArchive } from '../../formats/keras/index.ts'
import type { FileWeight, MatchOptions, WeightFile, WeightMatch } from '../../formats/keras/index.ts'
import { openSafetensors } from '../../formats/safetensors/index.ts'
import type { Functional } from '../../models/index.ts'
import type { Compiled } from '../compile.ts'
import { NotRestored } from './object-config.ts'
import { restoreOptimizer } from './optimizer-state.ts'
import type { Origin } from './optimizer-state.ts'

/** Reads `.weights.h5`, `.h5`, `.keras` or `.safetensors`. Throws FILE, FORMAT and WEIGHTS; a file that does not fit changes nothing. */
export async function loadWeights(
  model: Functional,
  compiled: Compiled | undefined,
  path: string,
  options: MatchOptions = {},
): Promise<WeightMatch> {
  refuseList(path)
  if (path.endsWith('.json')) {
    throw new RootstockError(
      'USAGE',
      `Cannot read weights from ${path}: expected a name that ends in .weights.h5, .h5, .keras or .safetensors`,
      {
        hint: 'loadModel opens the model.json of TensorFlow.js',
      },
    )
  }
  if (path.endsWith('.safetensors')) return told(path, options, assignWeights(model, await openSafetensors(path), options))
  const source = path.endsWith('.keras') ? (await readKerasArchive(path)).weights : path
  return withWeightFile(source, (file) => {
    const match = told(path, options, assignWeights(model, file, options))
    // Names find layers in another model's file, whose optimizer is none of ours: Keras leaves it alone, too.
    if (compiled && !options.byName)
      restoreOrWarn(compiled, { path, saved: file.optimizer, isSame: isOfKeras2(file), names: namesIn(match) })
    return match
  })
}

/** Keras can write weights in parts, which a `.weights.json` lists. */
export function refuseList(path: string): void {
  if (!path.endsWith('.weights.json')) return
  throw new RootstockError(
    'USAGE',
    `Cannot read ${path}: it lists the parts of a file that Keras has divided, expected all weights in one file`,
    {
      hint: "Write them in Keras without max_shard_size: model.save_weights('NAME.weights.h5')",
    },
  )
}

/** Warns of what `skipMismatch` has left as it was, and where `byName` has found nothing. */
function told(path: string, { byName }: MatchOptions, match: WeightMatch): WeightMatch {
  const { mismatched, assignments, rows } = match
  if (byName && assignments.length === 0 && mismatched.length === 0) {
    const names = [...new Set(rows.flatMap(({ layer, fileShape }) => (fileShape ? [layer] : [])))].slice(0, 5).join(', ')
    warn(`Nothing of ${path} is loaded: the outermost model has no layer of a name in the file, such as ${names}`)
  }
  if (mismatched.length > 0) {
    const more = mismatched.length > 5 ? '; …' : ''
    warn(
      `${path} is loaded without ${mismatched.length} tensors that do not fit: ${mismatched.slice(0, 5).map(describeRow).join('; ')}${more}`,
    )
  }
  return match
}

/** Opens, calls `use`, closes. */
export function withWeightFile<T>(source: Parameters<typeof openWeightFile>[0], use: (file: WeightFile) => T): T {
  const file = openWeightFile(source)
  try {
    return use(file)
  } finally {
    file.close()
  }
}

/** What a file holds of an optimizer's memory. */
export interface SavedMemory extends Origin {
  readonly path: string
  readonly saved: readonly FileWeight[]
}

/** Keras 2 keeps no learning rate, nor the optimizer's name. */
function isOfKeras2({ optimizer, optimizerName }: WeightFile): boolean {
  return optimizerName === undefined && optimizer[1]?.shape.length !== 0
}

/** What the file calls the weights that it filled, "layer/weight". */
export function namesIn({ assignments }: WeightMatch): ReadonlyMap<unknown, string> {
  return new Map(assignments.map(({ weight, fileName }) => [weight, fileName]))
}

/** The optimizer's state of a file, where it holds one. What does not fit is left out with a warning, as in Keras. */
export function restoreOrWarn(compiled: Compiled, { path, saved, ...origin }: SavedMemory): void {
  if (saved.length === 0) return
  try {
    restoreOptimizer(compiled, saved, origin)
  } catch (error) {
    if (!(error instanceof NotRestored)) throw error
    warn(`The optimizer starts anew after ${path}: ${error.message}`)
  }
}

/** Says on standard error what a file holds and the model does not. */
export function warn(message: string): void {
  process.emitWarning(message, 'RootstockWarning')
}
