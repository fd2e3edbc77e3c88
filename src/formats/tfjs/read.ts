/** @file Reads a TensorFlow.js Layers model: `model.json` with the configuration, and its shards of weights beside it. */
import { realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { RootstockError } from '../../errors.ts'
import { fileError, formatBytes, readAcross, readRegular, wholeFile, type FilePart } from '../../files/index.ts'
import { sizeOf } from '../../tensor/index.ts'
import { brief, isList, isObject, layersOf, objectAt, parseJson, textAt } from '../keras/index.ts'
import type { FileWeight, JsonObject, WeightFile } from '../keras/index.ts'
import { firstNotFinite, notFinite, numberBytes, ownFloats } from '../numbers.ts'
import type { NumberType } from '../numbers.ts'

/** A model as its files hold it. */
export interface TfjsModel {
  /** Keras's configuration, objects without prototype. */
  readonly config: unknown
  /** What it was compiled with, as its JSON; undefined where it was not. */
  readonly training: JsonObject | undefined
  /** The weights. */
  readonly file: Pick<WeightFile, 'name' | 'kind' | 'layers'>
}

/** The list of weights is in it, too; the largest of Keras's own networks has half a megabyte. */
const MOST_JSON = 16 * 2 ** 20
const MOST_BYTES = 4 * 2 ** 30

/** Reads the model and all its weights. Throws FILE when a file cannot be read, FORMAT when they do not fit together. */
export async function readTfjsModel(path: string): Promise<TfjsModel> {
  const bytes = await readRegular(path, { most: MOST_JSON, expected: 'a model.json' })
  const model = parseJson(bytes.toString('utf8'), path)
  if (textAt(model, 'format') === 'graph-model') {
    throw refuse(
      path,
      'it is a graph model of TensorFlow.js, expected a layers model',
      'Convert the Keras model again with --output_format=tfjs_layers_model',
    )
  }
  const topology = objectAt(model, 'modelTopology')
  const config = objectAt(topology, 'model_config') ?? topology
  if (!config || !isObject(model)) throw refuse(path, 'it has no modelTopology')
  const groups = isList(model['weightsManifest']) ? model['weightsManifest'] : []
  const weights: FileWeight[] = []
  const place = { folder: await realpath(dirname(path)), read: new Set<string>() }
  for (const group of groups) weights.push(...(await readGroup(path, group, place)))
  const training = objectAt(topology, 'training_config') ?? objectAt(model, 'trainingConfig')
  return { config, training, file: { name: path, kind: 'keras-weights', layers: layersOf(weights) } }
}

interface Entry {
  readonly name: string
  readonly shape: readonly number[]
  readonly type: NumberType
  /** Numbers of 8 or 16 bits stand for value · scale + min. */
  readonly scale: number
  readonly min: number
}

/** Where shards may lie, and those that were read: a list that names one of no bytes again and again would take hours. */
interface Place {
  readonly folder: string
  readonly read: Set<string>
}

/** A group's shards are one run of bytes, its weights one after the other. */
async function readGroup(path: string, group: unknown, place: Place): Promise<FileWeight[]> {
  const { paths, weights } = isObject(group) ? group : {}
  if (!isList(paths) || !isList(weights)) throw refuse(path, `a group of weights is ${brief(group)}`)
  const entries = weights.map((entry) => readEntry(path, entry))
  const wanted = entries.reduce((sum, entry) => sum + byteLength(entry), 0)
  if (!(wanted <= MOST_BYTES)) throw refuse(path, `its weights have ${formatBytes(wanted)}`)
  const shards = await findShards(path, paths, { wanted, ...place })
  let at = 0
  return entries.map((entry) => {
    const [begin, end] = [at, (at += byteLength(entry))]
    return toWeight(path, entry, () => readAcross(shards, begin, end))
  })
}

function byteLength({ shape, type }: Entry): number {
  return sizeOf(shape) * numberBytes[type]
}

function readEntry(path: string, value: unknown): Entry {
  const name = textAt(value, 'name')
  const shape = isObject(value) ? value['shape'] : undefined
  const isShape = (sizes: unknown): sizes is readonly number[] =>
    isList(sizes) && sizes.length <= 16 && sizes.every((size) => Number.isSafeInteger(size) && Number(size) >= 0)
  if (name === undefined || !isShape(shape)) throw refuse(path, `a weight is described as ${brief(value)}`)
  const quantization = objectAt(value, 'quantization')
  const stored = textAt(quantization, 'dtype') ?? textAt(value, 'dtype')
  const known = quantization ? ['uint8', 'uint16', 'float16'] : ['float32', 'int32']
  const type = known.includes(stored ?? '') ? (stored as NumberType) : undefined
  if (!type) throw refuse(path, `the weight ${brief(name)} has the type ${brief(stored)}, expected one of ${known.join(', ')}`)
  const { scale = 1, min = 0 } = quantization ?? {}
  if (typeof scale !== 'number' || typeof min !== 'number')
    throw refuse(path, `the weight ${brief(name)} is quantized by ${brief(quantization)}`)
  return { name, shape, type, scale, min }
}

async function findShards(
  path: string,
  paths: readonly unknown[],
  { wanted, folder, read }: Place & { readonly wanted: number },
): Promise<FilePart[]> {
  const shards: FilePart[] = []
  let at = 0
  for (const name of paths) {
    const shard = await shardPath(path, folder, name)
    if (read.has(shard)) throw refuse(path, `it lists the shard ${brief(name)} twice`)
    read.add(shard)
    const part = wholeFile(shard, { action: 'read the weights', most: wanted - at, expected: 'a shard of weights' })
    shards.push(part)
    at += part.size
  }
  if (at === wanted) return shards
  throw refuse(path, `its shards have ${at.toLocaleString('en-US')} of ${wanted.toLocaleString('en-US')} bytes`)
}

/** A file in the model's own folder, also when links are followed. */
async function shardPath(path: string, folder: string, name: unknown): Promise<string> {
  const isPlain = typeof name === 'string' && name !== '' && !/^[a-z]+:|^[/\\]|\\|(?:^|\/)\.\.(?:\/|$)|\0/iu.test(name)
  if (!isPlain) throw refuse(path, `a shard is called ${brief(name)}, expected a file beside model.json`)
  const shard = await realpath(join(folder, name)).catch((error: unknown) => {
    throw fileError(error, join(folder, name), { action: 'read the weights' })
  })
  if (!shard.startsWith(folder + sep)) throw refuse(path, `the shard ${brief(name)} lies in another folder`)
  return shard
}

function toWeight(path: string, { name, shape, type, scale, min }: Entry, bytes: () => Buffer<ArrayBuffer>): FileWeight {
  return {
    name,
    shape,
    read() {
      const data = ownFloats(bytes(), type)
      if (scale !== 1 || min !== 0) for (let i = 0; i < data.length; i++) data[i] = data[i]! * scale + min
      const bad = firstNotFinite(data)
      if (bad < 0) return { data, shape, dtype: 'float32' }
      throw notFinite(path, `${brief(name)} holds ${data[bad]}`)
    },
  }
}

function refuse(path: string, found: string, hint = 'Get the folder again from where it came, or use another one'): RootstockError {
  return new RootstockError('FORMAT', `Cannot read ${path}: ${found}`, { hint })
}
