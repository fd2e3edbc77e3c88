/** @file A whole Keras model as a classifier: what the file does not say is taken from options, from beside it, or from its layers. */
import { RootstockError } from '../errors.ts'
import { imagenetLabels, networkNames, networkOf } from '../applications/index.ts'
import { preprocessSteps, type PreprocessMode } from '../image/index.ts'
import type { Layer } from '../layers/index.ts'
import { Functional } from '../models/index.ts'
import { loadModel, type Model } from '../training/index.ts'
import { withProbabilities } from './class-scores.ts'
import { Classifier, type ClassifierParts } from './classifier.ts'
import { checkLabels, labelsBeside, readLabels } from './label-file.ts'

/** What a model file cannot say. */
export interface KerasClassifierOptions {
  /** Names of the classes in the order of the output, or a file with them. Default: a file beside the model, ImageNet's names where there are 1,000, else "class 0", … */
  readonly labels?: readonly string[] | string
  /** What pictures go through before. Default: that of the network, where its layers are those of a known one, else 'none' with a warning. */
  readonly preprocessing?: PreprocessMode
  /** Height and width of the input, for models that leave them open. Default the network's own. */
  readonly size?: number
}

/** A layer that only one network has. VGG16 ends where VGG19 goes on. */
const marks: readonly (readonly [layer: string, network: string])[] = [
  ['mixed10', 'inceptionV3'],
  ['block5_conv4', 'vgg19'],
  ['block5_conv3', 'vgg16'],
  ['conv5_block3_3_bn', 'resnet50'],
  ['block14_sepconv2', 'xception'],
  ['conv_pw_13', 'mobilenet'],
]

/** Opens `.keras`, a whole `.h5` or TensorFlow.js's model.json. Throws what `loadModel` throws, and FORMAT for models that do not classify photos. */
export async function loadKerasClassifier(path: string, options: KerasClassifierOptions): Promise<Classifier> {
  const model = await loadModel(path, { compile: false })
  const layers = flattened(model)
  const network =
    networkNames.find((id) => isNamed(model.name, id)) ?? marks.find(([mark]) => layers.some(({ name }) => name === mark))?.[1]
  const classes = classesOf(model, path)
  return new Classifier({
    model: withProbabilities(model, path),
    network: network ?? model.name,
    labels: await labelsOf(path, options.labels, { classes, network }),
    reading: {
      size: sizeOf(model, path, { asked: options.size, network }),
      preprocessing: preprocessingOf(path, layers, { asked: options.preprocessing, network }),
      interpolation: 'bilinear',
      exif: 'apply',
    },
  })
}

function classesOf(model: Model, path: string): number {
  const [input, output] = [model.inputs[0]?.shape ?? [], model.outputs[0]?.shape ?? []]
  const isPhoto = model.inputs.length === 1 && input.length === 4 && input[3] === 3
  const classes = output[1]
  if (isPhoto && model.outputs.length === 1 && output.length === 2 && typeof classes === 'number' && classes > 1) return classes
  const found = `${model.inputs.map(({ shape }) => `[${shape.join()}]`).join(' and ')} in and ${model.outputs.map(({ shape }) => `[${shape.join()}]`).join(' and ')} out`
  throw new RootstockError(
    'FORMAT',
    `Cannot use ${path} as a classifier: it takes ${found}, expected [N,height,width,3] in and [N,classes] out`,
    {
      hint: 'loadModel opens it as a model',
    },
  )
}

function sizeOf(model: Model, path: string, { asked, network }: { asked: number | undefined; network: string | undefined }): number {
  const [, height, width] = model.inputs[0]?.shape ?? []
  if (height !== width)
    throw new RootstockError('FORMAT', `Cannot use ${path} as a classifier: its input has ${height} × ${width} pixels, expected a square`)
  const size = height ?? asked ?? (network === undefined ? undefined : networkOf(network).defaultSize)
  if (size === undefined) {
    throw new RootstockError('USAGE', `Cannot use ${path} as a classifier: its input has no size`, { hint: 'Give the size: --size 224' })
  }
  if (asked !== undefined && asked !== size)
    throw new RootstockError('USAGE', `Cannot use ${path} at ${asked} pixels: its input has ${size}`)
  return size
}

interface Known {
  readonly asked: PreprocessMode | undefined
  readonly network: string | undefined
}

function preprocessingOf(path: string, layers: readonly Layer[], { asked, network }: Known): PreprocessMode {
  if (asked !== undefined) return preprocessSteps(asked) && asked
  // A model that scales its pictures itself gets them as they are.
  if (layers.some(({ className }) => className === 'Rescaling')) return 'none'
  if (network !== undefined) return networkOf(network).preprocessing
  process.emitWarning(
    `${path} does not say what its pictures go through before; they are given as they are, 0 to 255. Say it as preprocessing (--preprocessing), such as tf`,
    'RootstockWarning',
  )
  return 'none'
}

async function labelsOf(
  path: string,
  asked: readonly string[] | string | undefined,
  { classes, network }: { classes: number; network: string | undefined },
): Promise<ClassifierParts['labels']> {
  const names = (typeof asked === 'string' ? await readLabels(asked) : asked) ?? (await labelsBeside(path))
  if (names && names.length !== classes) {
    throw new RootstockError('DATA', `Cannot name the classes of ${path}: found ${names.length} labels, expected ${classes}`, {
      hint: 'Give one label for each class, in the order of the output',
    })
  }
  if (names) return checkLabels(names, path).map((label) => ({ label }))
  if (network !== undefined && classes === imagenetLabels.length) return imagenetLabels.map(({ wnid, name }) => ({ label: name, wnid }))
  return Array.from({ length: classes }, (_, i) => ({ label: `class ${i}` }))
}

function flattened(model: Functional): Layer[] {
  return model.layers.flatMap((layer) => (layer instanceof Functional ? [layer, ...flattened(layer)] : [layer]))
}

/** "mobilenet_1.00_224" and "inception_v3" are named after their networks, "mobilenetv2_1.00_224" is not one of ours. */
function isNamed(name: string, network: string): boolean {
  return new RegExp(`^${network.replace('V3', '_?v3')}(_|$)`, 'iu').test(name)
}
