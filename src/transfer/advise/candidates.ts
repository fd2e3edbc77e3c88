/** @file Which networks can be compared on this machine, and why the others cannot. */
import { basename } from 'node:path'
import { RootstockError } from '../../errors.ts'
import { embeddedNetwork, fetchWeights, networkNames, networkOf, releaseOf, type NetworkName } from '../../applications/index.ts'
import { openWeightFile } from '../../formats/keras/index.ts'
import type { AdviseOptions, NetworkAdvice, NetworkSettings } from './options.ts'

/** A network whose weights are at hand. */
export interface Candidate {
  readonly name: string
  readonly settings: NetworkSettings
}

/** Networks with weights, and those without. */
export interface Candidates {
  readonly found: readonly Candidate[]
  readonly missing: NetworkAdvice['missing']
}

type Wanted = Pick<AdviseOptions, 'networks' | 'alphas' | 'weights' | 'signal' | 'onEvent'>

const ALL = 'all'
/** The widths of mobilenet that Keras released weights for. */
const WIDTHS: readonly number[] = [0.25, 0.5, 0.75, 1]

/** The network in the package, given files, and released weights on this machine or, for networks that are named, within reach. */
export async function findCandidates(options: Wanted): Promise<Candidates> {
  const named = namedNetworks(options)
  const given = givenFiles(options)
  const found: Candidate[] = [embedded(), ...given]
  const missing: { name: string; reason: string }[] = []
  for (const row of rowsOf(options)) {
    if (given.some(({ settings }) => settings.network === row.network && settings.alpha === row.alpha)) continue
    if (named && !named.has(row.network)) continue
    try {
      await released(row, named !== undefined, options)
      found.push({ name: row.name, settings: { ...row.settings, weights: 'imagenet' } })
    } catch (error) {
      if (!(error instanceof RootstockError) || !['NETWORK', 'WEIGHTS'].includes(error.code)) throw error
      missing.push({ name: row.name, reason: named ? error.message : 'no weights on this machine; named by --network they are fetched' })
    }
  }
  return { found, missing }
}

/** A released network. */
interface Row {
  readonly name: string
  readonly network: NetworkName
  readonly alpha?: number
  readonly settings: Omit<NetworkSettings, 'weights'>
}

function rowsOf({ alphas = WIDTHS }: Wanted): Row[] {
  return networkNames.flatMap((network): Row[] => {
    const size = networkOf(network).defaultSize
    if (network !== 'mobilenet') return [{ name: network, network, settings: { network, size } }]
    return alphas.map((alpha) => ({ name: `${network} ${alpha}`, network, alpha, settings: { network, alpha, size } }))
  })
}

/** The networks that are named, by their ids; undefined where none is. Code UNKNOWN_NAME. */
function namedNetworks({ networks }: Wanted): ReadonlySet<string> | undefined {
  if (networks === undefined) return undefined
  return new Set(networks.flatMap((name) => (name === ALL ? networkNames : [networkOf(name).id])))
}

function embedded(): Candidate {
  const { network, alpha, size } = embeddedNetwork
  return { name: `${network} ${alpha}, embedded`, settings: { network, alpha, weights: 'embedded', size } }
}

/** Files of the caller. Codes UNKNOWN_NAME, USAGE, FILE and FORMAT. */
function givenFiles({ weights = {}, alphas }: Wanted): Candidate[] {
  return Object.entries(weights).flatMap(([name, files]) =>
    [files].flat().map((file: string): Candidate => {
      const { id, defaultSize: size } = networkOf(name)
      if (id !== 'mobilenet') return { name: `${id}, ${basename(file)}`, settings: { network: id, weights: file, size } }
      const alpha = alphas?.length === 1 ? alphas[0]! : widthOf(file)
      return { name: `${id} ${alpha}, ${basename(file)}`, settings: { network: id, alpha, weights: file, size } }
    }),
  )
}

/** The width of the mobilenet that a file belongs to: its first kernel has 32 filters for each 1 of it. */
function widthOf(path: string): number {
  const file = openWeightFile(path)
  try {
    const shapes = file.layers.flatMap(({ weights }) => weights.map(({ shape }) => shape))
    const first = shapes.find((shape) => shape.length === 4 && shape.slice(0, 3).join() === '3,3,3')
    return (first?.[3] ?? 32) / 32
  } finally {
    file.close()
  }
}

/** Makes sure of the file: on this machine, or fetched where that is wanted. */
async function released({ name, network, alpha }: Row, fetches: boolean, { signal, onEvent }: Wanted): Promise<void> {
  const environment = fetches ? process.env : { ...process.env, ROOTSTOCK_OFFLINE: '1' }
  const started = performance.now()
  await fetchWeights(releaseOf(network, { includeTop: false, alpha }), {
    signal,
    environment,
    onProgress: ({ received, total }) =>
      onEvent?.({ type: 'fetch', name, done: received, total, seconds: (performance.now() - started) / 1000 }),
  })
}
