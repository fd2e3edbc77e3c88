/**
 * @file Networks that were made ready once, kept for the next process: an ONNX file with folded weights, found by what was asked for and held
 * against the hash of the weights that it was made from. Imports little, since it is there for cold processes.
 */
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openNetwork } from '../engine/session.ts'
import { cacheHome } from '../files/cache-home.ts'
import type { PreprocessMode } from '../image/index.ts'
import { Classifier, type AnsweringNetwork } from './classifier.ts'
import { imagenetClasses, imagenetReading } from './imagenet.ts'
import { version } from './version.ts'

/** What a prediction asks for; together with the environment it settles which file of weights is meant. */
export interface PreparedRequest {
  readonly network: string
  readonly alpha?: number | undefined
  readonly weights?: string | undefined
  readonly size?: number | undefined
}

/** What is known of a prepared network beside its graph. */
interface Facts {
  readonly network: string
  readonly size: number
  readonly preprocessing: PreprocessMode
  /** The file of weights that it was made from. */
  readonly weights: string
  /** SHA-256 of that file, and of the graph. */
  readonly weightsHash: string
  readonly graphHash: string
}

/** Larger files of weights take longer to be hashed and read than the way from them to a graph takes. */
const LARGEST = 2 ** 27
/** So many networks are kept; those that were not used for longest go. */
const KEPT = 8

/** The folder of prepared networks. */
export const preparedFolder = (): string => join(cacheHome(), 'networks')

/** How many networks are kept, and their bytes. */
export function preparedSize(): { readonly count: number; readonly bytes: number } {
  const files = filesIn(preparedFolder())
  const bytes = files.reduce((sum, file) => sum + (statSync(join(preparedFolder(), file), { throwIfNoEntry: false })?.size ?? 0), 0)
  return { count: files.filter((file) => file.endsWith('.onnx')).length, bytes }
}

/** Removes all of them. */
export const removePrepared = (): void => rmSync(preparedFolder(), { recursive: true, force: true })

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** The network as it was made ready by an earlier process, or undefined. It answers, and has no layers. */
export async function openPrepared(request: PreparedRequest): Promise<Classifier | undefined> {
  const found = isPossible(request) ? readPrepared(nameOf(request)) : undefined
  // What this version of the engine does not open is made anew.
  const open = found && (await openNetwork(found.graph).catch(() => undefined))
  if (!open) return undefined
  const { network, size, preprocessing } = found.facts
  const model: AnsweringNetwork = { predict: (photos) => open.run(photos), summary: () => network, dispose: () => open.dispose() }
  return new Classifier({
    model,
    network,
    labels: imagenetClasses,
    reading: imagenetReading(size, preprocessing),
  })
}

/** Keeps a network for the next process. What cannot be kept is no failure: the next process takes the longer way again. */
export async function keepPrepared(request: PreparedRequest, classifier: Classifier): Promise<void> {
  try {
    const weights = isPossible(request) ? await weightsFile(request, classifier.network) : undefined
    if (weights === undefined || statSync(weights).size > LARGEST) return
    const [{ writeOnnx }, { inferenceGraph }] = await Promise.all([import('../onnx/index.ts'), import('../training/index.ts')])
    const { bytes } = writeOnnx(await inferenceGraph(classifier.model))
    const { size, preprocessing } = classifier.reading
    const hashes = { weightsHash: hashOf(readFileSync(weights)), graphHash: hashOf(bytes) }
    await writePrepared(nameOf(request), { network: classifier.network, size, preprocessing, weights, ...hashes }, bytes)
  } catch {
    // Disks may be full, and homes read-only.
  }
}

async function weightsFile({ weights = 'imagenet', alpha }: PreparedRequest, network: string): Promise<string> {
  if (weights !== 'imagenet') return resolve(weights)
  const { fetchWeights, networkOf, releaseOf } = await import('../applications/index.ts')
  const { id } = networkOf(network)
  return (await fetchWeights(releaseOf(id, { includeTop: true, alpha: id === 'mobilenet' ? (alpha ?? 1) : undefined }))).path
}

/** Other engines make networks ready in other ways, and networks without weights are others each time. */
const isPossible = ({ weights }: PreparedRequest): boolean => (process.env['ROOTSTOCK_ENGINE'] ?? 'cpu') === 'cpu' && weights !== 'none'

/** Whatever may lead to other weights or another graph. */
function nameOf({ network, alpha, weights = 'imagenet', size }: PreparedRequest): string {
  const places = ['ROOTSTOCK_WEIGHTS', 'ROOTSTOCK_HOME', 'KERAS_HOME', 'HOME'].map((name) => process.env[name] ?? null)
  const file = weights === 'imagenet' ? weights : resolve(weights)
  // Another build of the same version may make another graph.
  const build = statSync(fileURLToPath(import.meta.url)).mtimeMs
  return hashOf(JSON.stringify([version, build, process.arch, network, alpha ?? null, file, size ?? null, ...places])).slice(0, 32)
}

function readPrepared(name: string): { facts: Facts; graph: Uint8Array } | undefined {
  try {
    const path = join(preparedFolder(), name)
    const facts = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Facts
    if (hashOf(readFileSync(facts.weights)) !== facts.weightsHash) return undefined
    const graph = readFileSync(`${path}.onnx`)
    if (hashOf(graph) !== facts.graphHash) return undefined
    const now = new Date()
    utimesSync(`${path}.json`, now, now)
    return { facts, graph }
  } catch {
    return undefined
  }
}

async function writePrepared(name: string, facts: Facts, graph: Uint8Array): Promise<void> {
  const { atomicWrite } = await import('../files/index.ts')
  const folder = preparedFolder()
  await atomicWrite(join(folder, `${name}.onnx`), graph)
  await atomicWrite(join(folder, `${name}.json`), Buffer.from(JSON.stringify(facts)))
  removeOldest(folder)
}

function removeOldest(folder: string): void {
  const names = readdirSync(folder).filter((file) => file.endsWith('.json'))
  const used = names.map((file) => ({ name: file.slice(0, -5), at: statSync(join(folder, file)).mtimeMs })).sort((a, b) => b.at - a.at)
  for (const { name } of used.slice(KEPT)) for (const ending of ['json', 'onnx']) rmSync(join(folder, `${name}.${ending}`), { force: true })
}

const hashOf = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex')
