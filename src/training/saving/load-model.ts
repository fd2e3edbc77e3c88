/** @file Opens whole models: Keras's archives and `.h5` files, and those of TensorFlow.js Layers. */
import { RootstockError, refuseUnknown } from '../../errors.ts'
import { assignWeights, readKerasArchive, readModelConfig, requireModelConfig } from '../../formats/keras/index.ts'
import type { FileWeight, JsonObject, WeightFile } from '../../formats/keras/index.ts'
import { readTfjsModel } from '../../formats/tfjs/index.ts'
import { Model } from '../model.ts'
import { compileConfigOf, readCompileConfig } from './compile-config.ts'
import { namesIn, refuseList, restoreOrWarn, warn, withWeightFile } from './load-weights.ts'
import { NotRestored } from './object-config.ts'

/** Options of `loadModel`. */
export interface LoadModelOptions {
  /** Restores what the model was compiled with, and the optimizer's memory, so that `fit` goes on. Default true. */
  readonly compile?: boolean
}

/**
 * A model with its weights from `.keras`, from a whole-model `.h5` (Keras 1 to 3) or from TensorFlow.js's `model.json`. Nothing in a file is
 * run: layers are looked up by their class. What has no effect here (regularizers, an unknown optimizer) is named in a warning. Throws FILE,
 * FORMAT and WEIGHTS.
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  refuseUnknown('loadModel', options, { compile: true })
  refuseList(path)
  const withTraining = options.compile ?? true
  if (path.endsWith('.keras')) {
    const { config, weights } = await readKerasArchive(path)
    return withWeightFile(weights, (file) => build(path, { config, training: compileConfigOf(config), file, withTraining }))
  }
  if (path.endsWith('.json')) {
    const { config, training, file } = await readTfjsModel(path)
    return build(path, { config, training: compileConfigOf(training), file, withTraining })
  }
  if (path.endsWith('.h5') || path.endsWith('.hdf5')) {
    return withWeightFile(path, (file) => {
      const training = file.trainingConfig === undefined ? undefined : compileConfigOf(file.trainingConfig)
      return build(path, { config: file.modelConfig, training, file, withTraining })
    })
  }
  throw new RootstockError('USAGE', `Cannot load ${path}: expected a name that ends in .keras, .h5 or .json`, {
    hint: 'Weights alone go into a model with loadWeights, a classifier.onnx opens with loadClassifier',
  })
}

interface Parts {
  readonly config: unknown
  readonly training: JsonObject | undefined
  readonly file: Pick<WeightFile, 'name' | 'kind' | 'layers'> & { readonly optimizer?: readonly FileWeight[] }
  readonly withTraining: boolean
}

function build(path: string, { config, training, file, withTraining }: Parts): Model {
  const { options, notes } = readModelConfig(requireModelConfig(config, path), path)
  const model = new Model(options)
  const match = assignWeights(model, { ...file, name: path }, { sameModel: true })
  if (notes.length > 0) warn(`${path} is loaded without: ${[...new Set(notes)].slice(0, 5).join('; ')}${notes.length > 5 ? '; …' : ''}`)
  if (!training || !withTraining) return model
  try {
    model.compile(readCompileConfig(training))
    // Keras 2 leaves the memory of its older optimizers out of archives.
    if (file.kind === 'keras3-weights' && !file.optimizer?.length) warn(`The optimizer starts anew: ${path} holds nothing of its memory`)
    restoreOrWarn(model.compiled, { path, saved: file.optimizer ?? [], isSame: true, names: namesIn(match) })
  } catch (error) {
    if (!(error instanceof NotRestored)) throw error
    warn(`The model of ${path} is not compiled: ${error.message}`)
  }
  return model
}
