/** @file Opens a classifier, whatever it is kept in. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { RootstockError, refuseUnknown } from '../errors.ts'
import { loadWeightsFile } from '../formats/keras/index.ts'
import type { PreprocessMode } from '../image/index.ts'
import type { Model } from '../training/index.ts'
import { ArtifactNetwork } from './artifact/network.ts'
import { readIntactArtifact } from './artifact/read-artifact.ts'
import { buildClassifierModel, freezeUpTo } from './classifier-model.ts'
import { Classifier } from './classifier.ts'
import { openByteTrunk } from './int8.ts'
import { loadKerasClassifier, type KerasClassifierOptions } from './keras-classifier.ts'
import type { TrainReport } from './options.ts'
import { RECIPES, stagesFor } from './recipe.ts'
import { checkWeights, isRunFolder, readRunSettings, runFiles, type RunSettings } from './run-folder.ts'

/** Options of `loadClassifier`: what a Keras model does not say of itself. Runs and classifier.onnx say it, and take none. */
export type LoadClassifierOptions = KerasClassifierOptions

const whatOpens = 'Give a folder that "rootstock train" wrote, a classifier.onnx, or a whole model in .keras or .h5'

/**
 * The classifier of a finished run (its folder), of a `classifier.onnx`, or of a whole Keras model (`.keras`, `.h5`, TensorFlow.js's
 * model.json). No file is trusted. Throws FILE, FORMAT, WEIGHTS, and USAGE for options that the file settles itself.
 */
export async function loadClassifier(path: string, options: LoadClassifierOptions = {}): Promise<Classifier> {
  refuseUnknown('loadClassifier', options, { labels: true, preprocessing: true, size: true })
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new RootstockError('FILE', `Cannot load a classifier: there is no ${path}`, { hint: whatOpens })
  if (!found.isDirectory() && isKerasModel(path)) return loadKerasClassifier(path, options)
  const [option] = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (option !== undefined) {
    throw new RootstockError('USAGE', `Cannot use ${option} with ${path}: it settles that itself`, { hint: `Leave ${option} out` })
  }
  if (found.isDirectory()) return fromFolder(path)
  if (path.endsWith('.onnx')) return fromArtifact(path)
  throw notAClassifier(path)
}

function isKerasModel(path: string): boolean {
  return /\.(keras|h5|hdf5|json)$/u.test(path) && !path.endsWith('.weights.h5')
}

async function fromFolder(path: string): Promise<Classifier> {
  const artifact = join(path, runFiles.classifier)
  if (!(await isRunFolder(path)) && (await stat(artifact).catch(() => undefined))) return fromArtifact(artifact)
  const settings = await readRunSettings(path)
  await checkWeights(path, settings)
  const { net, base } = await buildClassifierModel(settings, null)
  loadWeightsFile(net, join(path, runFiles.best))
  freezeAsTrained(base, settings)
  if (settings.precision === 'int8') await openByteTrunk(path, net)
  const { size, interpolation, exif } = settings
  const report = settings.report as TrainReport | undefined
  return new Classifier({
    model: net,
    network: settings.network,
    labels: settings.classes.map((label) => ({ label })),
    reading: { size, interpolation, exif, preprocessing: (net.preprocessing ?? 'none') as PreprocessMode },
    // A folder that was moved is where it is now.
    report: report && { ...report, run: path },
  })
}

/** What a run trained follows from these of its settings. */
const trainedSchema = z.object({
  recipe: z.enum(RECIPES).exactOptional(),
  unfreezeFrom: z.string().exactOptional(),
  weights: z.string().exactOptional(),
})

/** Layers train as in the run's last stage: the summary and the diagram show what was learned, and a further `fit` goes on with it. */
function freezeAsTrained(base: Model, { network, settings }: RunSettings): void {
  const { data = {} } = trainedSchema.safeParse(settings)
  freezeUpTo(base, stagesFor(network, data, 1).at(-1)?.from, data.weights !== 'none')
}

async function fromArtifact(path: string): Promise<Classifier> {
  const { graph, metadata } = await readIntactArtifact(path)
  const { class_names: names, wnids, network, preprocessing } = metadata
  const labels = names.map((label, i) => {
    const wnid = wnids?.[i]
    return wnid === undefined ? { label } : { label, wnid }
  })
  const { size, interpolation, exif } = preprocessing
  return new Classifier({
    model: new ArtifactNetwork(graph, network),
    network,
    labels,
    // The graph prepares its photos itself.
    reading: { size: size[0], interpolation, exif, preprocessing: 'none' },
  })
}

function notAClassifier(path: string): RootstockError {
  const isWeights = path.endsWith('.weights.h5') || path.endsWith('.safetensors')
  const found = isWeights ? 'found a file that holds weights alone' : 'found a file of another kind'
  return new RootstockError('FORMAT', `Cannot load a classifier from ${path}: ${found}, expected a classifier`, {
    hint: isWeights ? 'Name the network and give the file as --weights' : whatOpens,
  })
}
