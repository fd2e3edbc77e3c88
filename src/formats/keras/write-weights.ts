/** @file Writes weights as Keras does: `.weights.h5` of Keras 3, and the `.h5` weight file of Keras 1 and 2. */
import { RootstockError } from '../../errors.ts'
import type { Shape, Tensor } from '../../tensor/index.ts'
import { estimateBytes, writeHdf5 } from './h5-writer.ts'
import type { H5Writer, WriteProgress } from './h5-writer.ts'
import { nextAddress } from './weight-names.ts'

/** A layer to write; layers without weights are part of the file too. */
export interface SavedLayer {
  /** Name of the layer. */
  readonly name: string
  /** Keras's class name: Keras 3 finds a layer again by its class and its place among the layers of that class. */
  readonly className: string
  /** In Keras's order: trainable ones first. */
  readonly weights: readonly SavedWeight[]
  /** The layers of a nested model, which has no weights of its own. */
  readonly layers?: readonly SavedLayer[]
}

/** A tensor in Keras's layout, and its own name ("kernel"). */
export interface SavedWeight {
  /** Its name in the layer: "kernel". */
  readonly name: string
  /** Keras's shape. */
  readonly shape: Shape
  /** Its numbers, in Keras's layout. May be a getter that makes a copy: it is asked at most once, when the writer comes to it. */
  readonly tensor: Tensor<'float32'>
  /** Keras stores what is frozen in a nested model behind what trains. Default true. */
  readonly trainable?: boolean
  /** Equal ones mean equal numbers; without one nobody knows. */
  readonly version?: string
}

/** What an optimizer keeps, under Keras's name of it. */
export interface SavedState {
  /** Its name in the file. */
  readonly name: string
  /** Keras's shape. */
  readonly shape: Shape
  /** As `SavedWeight.tensor`. */
  readonly tensor: Tensor<'float32' | 'int64'>
}

/** What a `.weights.h5` may hold besides the layers. */
export interface WriteExtras {
  /** The model's name; "functional" by default. */
  readonly modelName?: string
  /** State of the optimizer in Keras's order (iterations as int64, learning rate, then its slots). */
  readonly optimizer?:
    | {
        /** Keras's name of it. */
        readonly name: string
        /** Its memory, in Keras's order. */
        readonly variables: readonly SavedState[]
      }
    | undefined
  /** Makes an `.h5` file a whole model: its configuration and what `compile` fixed, as JSON. */
  readonly model?: {
    /** The layers, as Keras's JSON. */
    readonly config: string
    /** What `compile` fixed, as Keras's JSON. */
    readonly training?: string | undefined
  }
}

/** The version that the files name: the first whose forms these are. */
export const writtenKerasVersion = '3.0.0'

/** Names in one attribute: more would not fit into the 64 KB of an object header. */
const MOST_NAMES = 3000

/**
 * Writes a weight file that Keras 3 loads: its own form for names that end in `.weights.h5`, the older form for other `.h5` names. Whole or
 * not at all. Throws USAGE for other names, FILE when it cannot be written.
 */
export async function writeWeightsH5(
  path: string,
  layers: readonly SavedLayer[],
  extras: WriteExtras = {},
  onProgress?: WriteProgress,
): Promise<void> {
  if (!path.endsWith('.h5')) {
    throw new RootstockError('USAGE', `Cannot write weights to ${path}: expected a name that ends in .weights.h5 or .h5`)
  }
  const build = path.endsWith('.weights.h5') ? writeModern : writeLegacy
  if (build === writeLegacy) checkNames(path, layers)
  await writeHdf5(path, { bytes: estimateFile(layers, extras), onProgress }, (writer) => build(writer, layers, extras))
}

/** Writes the weights as the member of a `.keras` archive, which has Keras 3's form under any name. */
export async function writeArchiveWeights(
  path: string,
  layers: readonly SavedLayer[],
  extras: WriteExtras,
  onProgress?: WriteProgress,
): Promise<void> {
  await writeHdf5(path, { bytes: estimateFile(layers, extras), onProgress }, (writer) => writeModern(writer, layers, extras))
}

/** The older form has groups with the names of layers, which are parts of paths. Throws USAGE. */
function checkNames(path: string, layers: readonly SavedLayer[]): void {
  const names = layers.flatMap((layer) => [layer, ...leaves(layer)]).map(({ name }) => name)
  const wrong = names.find((name) => name.split('/').some((part) => ['', '.', '..'].includes(part)))
  if (wrong === undefined) return
  throw new RootstockError('USAGE', `Cannot write ${path}: a layer is called "${wrong}", expected a name that can be a part of a path`, {
    hint: 'Give it another name, or save as .keras or .weights.h5',
  })
}

/** About the bytes of the file, for the message when there is no space. */
function estimateFile(layers: readonly SavedLayer[], { optimizer }: WriteExtras): number {
  const all = layers.flatMap(leaves)
  const shapes = [...all.flatMap(({ weights }) => weights), ...(optimizer?.variables ?? [])].map(({ shape }) => shape)
  return estimateBytes(shapes) + all.length * 2048
}

function leaves(layer: SavedLayer): SavedLayer[] {
  return layer.layers ? layer.layers.flatMap(leaves) : [layer]
}

function writeModern(writer: H5Writer, layers: readonly SavedLayer[], { modelName = 'functional', optimizer }: WriteExtras): void {
  writeModernLayers(writer, '/layers', layers)
  writer.group('/vars')
  writer.attribute('/vars', 'name', modelName)
  if (!optimizer) return
  writer.group('/optimizer/vars')
  writer.attribute('/optimizer/vars', 'name', optimizer.name)
  optimizer.variables.forEach((state, i) => writer.dataset(`/optimizer/vars/${i}`, state))
}

function writeModernLayers(writer: H5Writer, base: string, layers: readonly SavedLayer[]): void {
  const counts = new Map<string, number>()
  for (const { name, className, weights, layers: nested } of layers) {
    const place = `${base}/${nextAddress(counts, className)}`
    writer.group(`${place}/vars`)
    writer.attribute(`${place}/vars`, 'name', name)
    weights.forEach((weight, i) => writer.dataset(`${place}/vars/${i}`, weight))
    if (nested) writeModernLayers(writer, `${place}/layers`, nested)
  }
}

function writeLegacy(writer: H5Writer, layers: readonly SavedLayer[], { model, optimizer }: WriteExtras): void {
  const base = model ? '/model_weights' : ''
  const places = model ? ['/', base] : ['/']
  if (model) writer.group(base)
  for (const place of places) {
    // Files that name another backend had their convolution kernels turned by Keras 2.
    writer.attribute(place, 'backend', 'tensorflow')
    writer.attribute(place, 'keras_version', writtenKerasVersion)
  }
  writeNames(writer, base === '' ? '/' : base, { name: 'layer_names', values: layers.map(({ name }) => name) })
  for (const layer of layers) {
    const weights = legacyWeights(layer)
    writer.group(`${base}/${layer.name}`)
    writeNames(writer, `${base}/${layer.name}`, { name: 'weight_names', values: weights.map(({ name }) => name) })
    for (const weight of weights) writer.dataset(`${base}/${layer.name}/${weight.name}`, weight)
  }
  if (!model) return
  writer.group(`${base}/top_level_model_weights`)
  writeNames(writer, `${base}/top_level_model_weights`, { name: 'weight_names', values: [] })
  writer.attribute('/', 'model_config', model.config)
  if (model.training === undefined) return
  writer.attribute('/', 'training_config', model.training)
  if (optimizer) writeLegacyOptimizer(writer, optimizer.variables)
}

function writeLegacyOptimizer(writer: H5Writer, variables: readonly SavedState[]): void {
  const names = distinct(variables.map(({ name }) => name))
  writer.group('/optimizer_weights')
  writeNames(writer, '/optimizer_weights', { name: 'weight_names', values: names })
  variables.forEach((state, i) => writer.dataset(`/optimizer_weights/${names[i]}`, state))
}

/** Weights of two nested models may have the same path. The order counts when the state is read, so that any other name will do. */
function distinct(names: readonly string[]): string[] {
  const taken = new Set(names)
  const used = new Set<string>()
  return names.map((name) => {
    let own = name
    for (let i = 1; used.has(own) || (own !== name && taken.has(own)); i++) own = `${name}_${i}`
    used.add(own)
    return own
  })
}

/** The weights of a layer under their paths; of a nested model, those that train before the others. */
function legacyWeights(layer: SavedLayer): SavedWeight[] {
  const all = leaves(layer).flatMap(({ name, weights }) => weights.map((weight) => under(name, weight)))
  if (!layer.layers) return all
  const twice = all.find(({ name }, i) => all.findIndex((other) => other.name === name) < i)
  if (twice) {
    throw new RootstockError('FORMAT', `Cannot write ${layer.name} as .h5: two models in it have a weight "${twice.name}", expected one`, {
      hint: 'Save as .keras or .weights.h5, or give the layers of the nested models names of their own',
    })
  }
  const trains = ({ trainable = true }: SavedWeight): boolean => trainable
  return [...all.filter(trains), ...all.filter((weight) => !trains(weight))]
}

function under(layer: string, weight: SavedWeight): SavedWeight {
  const { name, shape, trainable = true, version } = weight
  return {
    name: `${layer}/${name}`,
    shape,
    trainable,
    ...(version === undefined ? {} : { version }),
    get tensor() {
      return weight.tensor
    },
  }
}

function writeNames(writer: H5Writer, path: string, { name, values }: { name: string; values: readonly string[] }): void {
  if (values.length <= MOST_NAMES) {
    writer.attribute(path, name, values)
    return
  }
  for (let i = 0; i * MOST_NAMES < values.length; i++) {
    writer.attribute(path, `${name}${i}`, values.slice(i * MOST_NAMES, (i + 1) * MOST_NAMES))
  }
}
