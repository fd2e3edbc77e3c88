/** @file Writes models and weights, in the format that the file's name asks for. */
import { RootstockError } from '../../errors.ts'
import { savedLayers, writeJson, writeKerasArchive, writeModelConfig, writeWeightsH5 } from '../../formats/keras/index.ts'
import type { WriteExtras, WriteProgress } from '../../formats/keras/index.ts'
import { exportOnnx } from '../../formats/onnx/index.ts'
import { writeSafetensors } from '../../formats/safetensors/index.ts'
import type { Functional } from '../../models/index.ts'
import type { Compiled } from '../compile.ts'
import { writeCompileConfig } from './compile-config.ts'
import { optimizerState } from './optimizer-state.ts'

/** Writes weights: `.weights.h5` (Keras 3, with the optimizer's state), another `.h5` (Keras 1 and 2), or `.safetensors`. */
export async function saveWeightsFile(
  model: Functional,
  compiled: Compiled | undefined,
  path: string,
  onProgress?: WriteProgress,
): Promise<void> {
  if (path.endsWith('.safetensors')) return writeSafetensors(path, model)
  await writeWeightsH5(path, savedLayers(model), extrasOf(model, compiled), onProgress)
}

/** Writes a whole model. */
export async function saveModelFile(
  model: Functional,
  compiled: Compiled | undefined,
  path: string,
  onProgress?: WriteProgress,
): Promise<void> {
  if (path.endsWith('.keras')) return saveArchive(model, compiled, { path, onProgress })
  if (path.endsWith('.weights.h5') || path.endsWith('.safetensors')) return saveWeightsFile(model, compiled, path, onProgress)
  if (path.endsWith('.h5')) return saveWholeH5(model, compiled, { path, onProgress })
  if (path.endsWith('.onnx')) return exportOnnx(model, path)
  throw new RootstockError(
    'USAGE',
    `Cannot save ${model.name} to ${path}: expected a name that ends in .keras, .h5, .weights.h5, .safetensors or .onnx`,
  )
}

interface Target {
  readonly path: string
  readonly onProgress: WriteProgress | undefined
}

async function saveArchive(model: Functional, compiled: Compiled | undefined, { path, onProgress }: Target): Promise<void> {
  const training = compiled && writeCompileConfig(compiled, 'keras3')
  const config = { ...writeModelConfig(model, 'keras3'), ...(training ? { compile_config: training } : {}) }
  const extras = extrasOf(model, training && compiled)
  await writeKerasArchive(path, { config, layers: savedLayers(model), extras }, onProgress)
}

async function saveWholeH5(model: Functional, compiled: Compiled | undefined, { path, onProgress }: Target): Promise<void> {
  const training = compiled && writeCompileConfig(compiled, 'h5')
  const texts = { config: writeJson(writeModelConfig(model, 'h5')), training: training && writeJson(training) }
  await writeWeightsH5(path, savedLayers(model), { ...extrasOf(model, training && compiled), model: texts }, onProgress)
}

function extrasOf(model: Functional, compiled: Compiled | undefined): WriteExtras {
  return { modelName: model.name, optimizer: compiled && optimizerState(compiled) }
}
