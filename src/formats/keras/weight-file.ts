/** @file Reads Keras's weight files of all three generations into one neutral form: layers with named tensors, in the order of the file. */
import { RootstockError } from '../../errors.ts'
import { showShape } from '../../tensor/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { firstNotFinite, notFinite } from '../numbers.ts'
import { openHdf5 } from './hdf5.ts'
import type { H5File } from './hdf5.ts'
import type { H5Origin } from './h5-source.ts'
import type { H5Dataset, H5Group } from './h5-walk.ts'
import { parseJson } from './json.ts'
import { leafOf, nextAddress, ownerOf } from './weight-names.ts'

/** One tensor of a weight file, in Keras's layout (H·W·in·out, in·out). */
export interface FileWeight {
  /** Its name in the file: "conv1/kernel:0", or "0", "1", … in a Keras 3 file. */
  readonly name: string
  /** In Keras's layout. */
  readonly shape: readonly number[]
  /** Reads the values; throws WEIGHTS when one of them is not finite. */
  readonly read: () => Tensor<'float32'>
}

/** One layer of a weight file that has weights. */
export interface FileLayer {
  /** The layer's name when the file was written, as far as the file keeps it. */
  readonly name: string
  /** Keras 3 files only: the place inside the file ("functional/conv2d_1"), made of classes and counters. */
  readonly address?: string
  /** What it was called with the nested models around it ("base/conv2d_7"), where the file states that; some files leave two readings. */
  readonly paths?: readonly string[]
  /** Its tensors, in the order of the file. */
  readonly weights: readonly FileWeight[]
}

/**
 * What kind of file it is: the weights that Keras 1 and 2 write, the whole model as `.h5`, or Keras 3's `.weights.h5` (also inside `.keras`).
 */
export type WeightFileKind = 'keras-weights' | 'keras-model' | 'keras3-weights'

/** An open weight file. Close it when the tensors are read. */
export interface WeightFile {
  /** The path, or "the given bytes". */
  readonly name: string
  /** Which of Keras's forms it has. */
  readonly kind: WeightFileKind
  /** Layers with weights, nested models flattened; numbered layers of Keras 3 files in the order of their numbers, class by class. */
  readonly layers: readonly FileLayer[]
  /** State of the optimizer, in the order of the file; empty when there is none. */
  readonly optimizer: readonly FileWeight[]
  /** The optimizer's name, which Keras 3 states beside its state; undefined in other files. */
  readonly optimizerName: string | undefined
  /** As the file says; undefined where it does not. */
  readonly kerasVersion: string | undefined
  /** The configuration of a whole-model file (objects without prototype), or undefined. */
  readonly modelConfig: unknown
  /** What a whole model was compiled with, or undefined. */
  readonly trainingConfig: unknown
  /** Closes the file. */
  close(): void
}

/** Where Keras 2.12 to 2.15 keep what is called "layers" in Keras 3. */
const oldLayers = '_layer_checkpoint_dependencies'

/** Opens a weight file by path, as a part of another file, or its bytes. Throws FILE and WEIGHTS as `openHdf5`, and WEIGHTS for HDF5 files of another kind. */
export function openWeightFile(source: H5Origin): WeightFile {
  const file = openHdf5(source)
  try {
    return readWeightFile(file)
  } catch (error) {
    file.close()
    throw error
  }
}

/** All values of a list attribute that Keras may have split into `name0`, `name1`, …; undefined when there is none. */
export function listAttribute(file: H5File, path: string, name: string): string[] | undefined {
  const names = new Set(file.attributeNames(path))
  const parts = names.has(name) ? [name] : []
  for (let i = 0; parts.length === i && names.has(`${name}${i}`); i++) parts.push(`${name}${i}`)
  if (parts.length === 0) return undefined
  return parts.flatMap((part) => file.attribute(path, part) ?? []).map(String)
}

function readWeightFile(file: H5File): WeightFile {
  const base = file.attributeNames('/').some(isLayerNames) ? '/' : file.group('model_weights') ? '/model_weights' : undefined
  const modern = file.group('layers') ?? file.group(oldLayers)
  const kind: WeightFileKind = base === '/' ? 'keras-weights' : base ? 'keras-model' : 'keras3-weights'
  const text = (path: string, name: string): string | undefined => {
    const value = file.attribute(path, name)
    return typeof value === 'string' ? value : undefined
  }
  const json = (name: string): unknown => {
    const found = text('/', name)
    return found === undefined ? undefined : parseJson(found, `the ${name} of ${file.name}`)
  }
  // In half precision Keras wraps the optimizer into one that scales the loss, which float32 does without.
  const optimizer = file.group('optimizer/inner_optimizer/vars') ?? file.group('optimizer/vars')
  return {
    name: file.name,
    kind,
    layers: base ? legacyLayers(file, base) : modern ? modernLayers(file, modern) : refuse(file),
    optimizer: optimizer ? numbered(file, optimizer) : legacyOptimizer(file),
    optimizerName: optimizer && text(optimizer.path, 'name'),
    kerasVersion: text('/', 'keras_version') ?? (base ? text(base, 'keras_version') : undefined),
    modelConfig: json('model_config'),
    trainingConfig: json('training_config'),
    close: () => file.close(),
  }
}

function isLayerNames(name: string): boolean {
  return name === 'layer_names' || name === 'layer_names0'
}

function refuse(file: H5File): never {
  const found = [...file.root.children.keys()].slice(0, 5).join(', ')
  throw new RootstockError(
    'WEIGHTS',
    `Cannot read ${file.name}: no Keras weights in it, found ${found === '' ? 'nothing' : `"${found}"`}`,
    {
      hint: 'Expected layer_names (Keras 1, 2), model_weights (whole model) or layers (Keras 3)',
    },
  )
}

function legacyLayers(file: H5File, base: string): FileLayer[] {
  const isTurned = file.attribute(base, 'backend') === 'theano'
  return (listAttribute(file, base, 'layer_names') ?? []).flatMap((name) => {
    const group = find(file, base, name)
    if (group?.kind !== 'group') throw missing(file, `the layer "${name}"`)
    const names = listAttribute(file, group.path, 'weight_names') ?? []
    return splitNested({
      name,
      paths: [name],
      weights: names.map((weight) => turnedBack(legacyWeight(file, group.path, weight), isTurned)),
    })
  })
}

/** Theano slides kernels the other way round over a picture. Keras 2 turned what it had stored; Keras 3 computes with it as it stands. */
function turnedBack(weight: FileWeight, isTurned: boolean): FileWeight {
  const [height = 0, width = 0, channels = 0, filters = 0] = weight.shape
  if (!isTurned || weight.shape.length !== 4 || leafOf(weight.name) !== 'kernel') return weight
  const size = channels * filters
  return {
    ...weight,
    read() {
      const { data, ...rest } = weight.read()
      const turned = new Float32Array(data.length)
      for (let pixel = 0; pixel < height * width; pixel++)
        turned.set(data.subarray(pixel * size, (pixel + 1) * size), (height * width - 1 - pixel) * size)
      return { ...rest, data: turned }
    },
  }
}

function legacyWeight(file: H5File, path: string, name: string): FileWeight {
  const dataset = find(file, path, name)
  if (dataset?.kind !== 'dataset') throw missing(file, `the weight "${name}" of "${path}"`)
  return toWeight(file, dataset, name)
}

/**
 * A nested model is one layer of the file, with the trainable weights of all its layers before the others: its weights go back to their
 * layers by name.
 */
function splitNested(layer: FileLayer): FileLayer[] {
  const isStated = layer.weights.every(({ name }) => ownerOf(name) !== '')
  const parts = isStated ? layersOf(layer.weights, ownerOf) : layersOf(layer.weights)
  const [only] = parts
  const isItself = only?.name === layer.name || withoutCounter(only?.name ?? '') === layer.name
  const paths = readings(parts).map((names) => names.map((name) => `${layer.name}/${name}`))
  if (parts.length > 1) return parts.map((part, i) => ({ ...part, paths: paths[i] ?? [] }))
  // One part is the layer itself, or else a nested model in which one layer has weights.
  return only ? [{ ...layer, paths: [layer.name, ...(paths[0] ?? []).slice(0, isItself ? 1 : 2)] }] : []
}

/** A layer that TensorFlow 1 made a second time stands there as "conv1_1", whatever its name. So do layers of that name: both readings count. */
function readings(parts: readonly FileLayer[]): string[][] {
  const counts = new Map<string, number>()
  for (const name of parts.flatMap((part) => [part.name, withoutCounter(part.name)])) counts.set(name, (counts.get(name) ?? 0) + 1)
  return parts.map(({ name }) => (counts.get(withoutCounter(name)) === 1 ? [name, withoutCounter(name)] : [name]))
}

function withoutCounter(name: string): string {
  return name.replace(/_\d+$/u, '')
}

/** Weights called "layer/weight" by their layers, in the order of the first weight of each. */
export function layersOf(
  weights: readonly FileWeight[],
  layerOf = (name: string): string => name.split('/').slice(0, -1).join('/'),
): FileLayer[] {
  const parts = new Map<string, FileWeight[]>()
  for (const weight of weights) {
    const owner = layerOf(weight.name)
    parts.set(owner, [...(parts.get(owner) ?? []), weight])
  }
  return [...parts].map(([owner, own]) => ({ name: owner.split('/').at(-1) ?? owner, weights: own }))
}

function legacyOptimizer(file: H5File): FileWeight[] {
  const names = file.group('optimizer_weights') ? (listAttribute(file, '/optimizer_weights', 'weight_names') ?? []) : []
  return names.map((name) => legacyWeight(file, '/optimizer_weights', name))
}

/** What stands around a layer of a Keras 3 file; the names are undefined where the file does not state one of them. */
interface Around {
  readonly address: string
  readonly names: string | undefined
}

function modernLayers(file: H5File, group: H5Group, around: Around = { address: '', names: '' }): FileLayer[] {
  const members = [...group.children.values()].filter((child) => child.kind === 'group')
  const counts = new Map<string, number>()
  // Keras 2 lists a layer with weights twice under this name, and stores it under the first of its two numbers.
  const isDoubled = lastPart(group.path) === oldLayers
  return members
    .sort((a, b) => byClassAndNumber(a.path, b.path))
    .flatMap((member) => {
      const vars = member.children.get('vars')
      const saved = vars && file.attribute(vars.path, 'name')
      const own = lastPart(member.path)
      const address = around.address + (isDoubled ? nextAddress(counts, splitCounter(own)[0]) : own)
      const path = around.names !== undefined && typeof saved === 'string' ? around.names + saved : undefined
      const nested = member.children.get('layers') ?? member.children.get(oldLayers)
      if (nested?.kind === 'group') return modernLayers(file, nested, { address: `${address}/`, names: path && `${path}/` })
      const weights = vars?.kind === 'group' ? numbered(file, vars) : []
      if (weights.length === 0) return []
      return [{ name: typeof saved === 'string' ? saved : own, address, weights, ...(path === undefined ? {} : { paths: [path] }) }]
    })
}

/** Datasets "0", "1", …, "10" by number. */
function numbered(file: H5File, group: H5Group): FileWeight[] {
  return [...group.children.values()]
    .filter((child) => child.kind === 'dataset')
    .sort((a, b) => byClassAndNumber(a.path, b.path))
    .map((dataset) => toWeight(file, dataset, lastPart(dataset.path)))
}

/** "conv2d" before "conv2d_1" before "conv2d_10" before "dense"; "9" before "10". */
function byClassAndNumber(a: string, b: string): number {
  const [nameA, countA] = splitCounter(lastPart(a))
  const [nameB, countB] = splitCounter(lastPart(b))
  return nameA < nameB ? -1 : nameA > nameB ? 1 : countA - countB
}

function splitCounter(name: string): [string, number] {
  const match = /^(.*_|)(\d+)$/u.exec(name)
  return match?.[1] === undefined ? [name, -1] : [match[1].slice(0, -1), Number(match[2])]
}

function toWeight(file: H5File, dataset: H5Dataset, name: string): FileWeight {
  return {
    name,
    shape: dataset.shape,
    read() {
      const tensor = file.read(dataset)
      const bad = firstNotFinite(tensor.data)
      if (bad < 0) return tensor
      throw notFinite(file.name, `"${dataset.path}" ${showShape(dataset.shape)} holds ${tensor.data[bad]}`)
    },
  }
}

function find(file: H5File, base: string, name: string): H5Group | H5Dataset | undefined {
  const path = `${base}/${name}`
  return file.group(path) ?? file.dataset(path)
}

function missing(file: H5File, what: string): RootstockError {
  return new RootstockError('WEIGHTS', `Cannot read ${file.name}: it lists ${what} but does not have it`, {
    hint: 'Get the file again from where it came, or use another one',
  })
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
