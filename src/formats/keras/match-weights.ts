/** @file Decides which tensor of a weight file goes into which weight of a network, and accounts for every one of them. */
import { RootstockError } from '../../errors.ts'
import { sameShape, showShape } from '../../tensor/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { pairLayers } from './pair-layers.ts'
import type { FileLayer, FileWeight, WeightFile } from './weight-file.ts'
import { leafOf } from './weight-names.ts'

/** A layer of the network that takes the weights. */
export interface ExpectedLayer {
  /** Name of the layer. */
  readonly layer: string
  /** Keras's class name. */
  readonly className: string
  /** In Keras's order: trainable ones first. */
  readonly weights: readonly ExpectedWeight[]
  /** Where it stands. */
  readonly place: LayerPlace
}

/** Where a layer stands in a model and in those nested in it. */
export interface LayerPlace {
  /** Keras 3's address: of every model around it and of the layer, the class and how many of the class stand before it. */
  readonly address: string
  /** The same with "functional" as the class of every model around it: it fits a model that is sequential on one side only. */
  readonly functionalAddress: string
  /** Names of the nested models around it, then its own. */
  readonly names: readonly string[]
  /** Whether the nested models around it have names of their own, not Keras's automatic ones. */
  readonly isNamed: boolean
}

/** A weight of the network, in Keras's layout. */
export interface ExpectedWeight {
  /** Keras's path, "conv1/kernel". */
  readonly path: string
  /** In Keras's layout. */
  readonly shape: readonly number[]
}

/** How to match. */
export interface MatchOptions {
  /** Take the layers whose names agree and leave the others alone; as in Keras a nested model is one layer. False by default. */
  readonly byName?: boolean
  /**
   * Leave weights alone whose shape differs (in `.weights.h5` and `.keras` also those behind one in its layer), and layers that have another number
   * of weights in the file; in `.weights.h5` and `.keras` also layers that only one side has. A warning lists them. False by default.
   */
  readonly skipMismatch?: boolean
}

/** What pairs layers. */
export interface PairOptions extends MatchOptions {
  /** The network was made from the configuration that the file holds, so that all names mean the same in both. */
  readonly sameModel?: boolean
}

/** One row of the report: a tensor of the file, a weight of the network, or both. */
export interface WeightRow {
  /** The network's name of the layer; the file's where the network has none. */
  readonly layer: string
  /** Path of the weight in the model. */
  readonly weight: string
  /** Undefined where the file has no such tensor. */
  readonly fileShape: readonly number[] | undefined
  /** Undefined where the network has no such weight. */
  readonly expectedShape: readonly number[] | undefined
  /** Whether it fits, is missing, left over, or of another shape. */
  readonly status: 'fits' | 'shape' | 'missing' | 'unexpected'
  /** The options allow this difference. */
  readonly skipped: boolean
}

/** A tensor of the file that goes into a weight of the network. */
export interface Assignment {
  /** The weight's path in the model: "dense_new/kernel". */
  readonly path: string
  /** The weight itself: two nested models may have the same path. */
  readonly weight: ExpectedWeight
  /** "layer/weight" as the file calls it. */
  readonly fileName: string
  /** Throws WEIGHTS for values that are not finite. */
  readonly read: () => Tensor<'float32'>
}

/** The whole account. */
export interface WeightMatch {
  /** What goes where. */
  readonly assignments: readonly Assignment[]
  /** The rows that keep the file from being loaded: what does not fit and was not allowed to. */
  readonly problems: readonly WeightRow[]
  /** The rows that `skipMismatch` allowed. */
  readonly mismatched: readonly WeightRow[]
  /** Every weight of the network and every tensor of the file, once. */
  readonly rows: readonly WeightRow[]
}

/**
 * Matches by layer name where names mean something, by order where Keras made them itself, within a layer by the weight's own name, so
 * that stored orders which a freeze has permuted (keras#10777) come out right. Reads no values.
 */
export function matchWeights(
  file: Pick<WeightFile, 'layers' | 'kind'>,
  expected: readonly ExpectedLayer[],
  options: PairOptions = {},
): WeightMatch {
  const assignments: Assignment[] = []
  const rows: WeightRow[] = []
  const mismatched: WeightRow[] = []
  const wanted = expected.filter(({ weights }) => weights.length > 0)
  for (const { fileLayer, layer, isNamed } of pairLayers(file, wanted, options)) {
    const isPair = fileLayer !== undefined && layer !== undefined
    const isLeft = isNamed === false
    // Keras 3 goes on where its newer files lack a layer, and never where the older ones do.
    const mayDiffer = options.skipMismatch === true && (isPair || isNamed === true || file.kind === 'keras3-weights')
    // A layer with other weights was another layer: as in Keras, none of it is taken.
    let isTaken = fileLayer?.weights.length === layer?.weights.length
    for (const { from, to } of pairWeights(fileLayer, layer)) {
      const difference = toRow({ from, to, fileLayer, layer })
      const row = { ...difference, skipped: isLeft || (mayDiffer && difference.status !== 'fits') }
      rows.push(row)
      if (row.skipped && !isLeft) mismatched.push(row)
      // Keras 3 leaves a layer at the first weight of another shape, which the older form goes past.
      if (row.status !== 'fits' && file.kind === 'keras3-weights') isTaken = false
      if (row.status === 'fits' && isTaken && from && to) {
        assignments.push({ path: to.path, weight: to, fileName: `${fileLayer?.name}/${lastPart(from.name)}`, read: () => from.read() })
      }
    }
  }
  return { assignments, rows, mismatched, problems: rows.filter(({ status, skipped }) => status !== 'fits' && !skipped) }
}

/** Throws WEIGHTS with the list when a match has problems. `network` names the network in the message. */
export function requireMatch(match: WeightMatch, file: Pick<WeightFile, 'name'>, network: string): void {
  const { problems, rows } = match
  if (problems.length === 0) return
  const shown = problems.slice(0, 6).map(describeRow)
  if (problems.length > shown.length) shown.push(`and ${problems.length - shown.length} more`)
  throw new RootstockError(
    'WEIGHTS',
    `Cannot load ${file.name} into ${network}: ${problems.length} of ${rows.length} tensors do not fit: ${shown.join('; ')}`,
    {
      hint: 'Use a file of this network, or see the whole list with: rootstock weights FILE --network NAME',
    },
  )
}

/** One row in words. */
export function describeRow({ layer, weight, fileShape, expectedShape, status }: WeightRow): string {
  const name = `${layer}/${weight}`
  if (status === 'missing') return `${name} ${showShape(expectedShape ?? [])} is not in the file`
  if (status === 'unexpected') return `${name} ${showShape(fileShape ?? [])} is not in the network`
  if (status === 'fits') return `${name} ${showShape(fileShape ?? [])} fits`
  return `${name} has shape ${showShape(fileShape ?? [])}, expected ${showShape(expectedShape ?? [])}`
}

interface WeightPair {
  readonly from: FileWeight | undefined
  readonly to: ExpectedWeight | undefined
}

function pairWeights(fileLayer: FileLayer | undefined, layer: ExpectedLayer | undefined): WeightPair[] {
  const from = fileLayer?.weights ?? []
  const to = layer?.weights ?? []
  return pairByLeaf(from, to) ?? Array.from({ length: Math.max(from.length, to.length) }, (_, i) => ({ from: from[i], to: to[i] }))
}

/** Pairs by role when both sides name one for each weight, the same ones where they are equally many; undefined otherwise. */
function pairByLeaf(from: readonly FileWeight[], to: readonly ExpectedWeight[]): WeightPair[] | undefined {
  const found = new Map(from.map((weight) => [leafOf(weight.name), weight]))
  if (found.has(undefined) || found.size !== from.length) return undefined
  // The kernel of a depthwise convolution is called depthwise_kernel in old files and kernel in Keras 3.
  const kernel = found.get('kernel') ?? (found.has('pointwise_kernel') ? undefined : found.get('depthwise_kernel'))
  const pairs = to.map((weight) => {
    const leaf = leafOf(weight.path)
    const role =
      found.get(leaf) ?? (leaf === 'kernel' || (leaf === 'depthwise_kernel' && !found.has('pointwise_kernel')) ? kernel : undefined)
    return { from: role, to: weight }
  })
  const used = new Set(pairs.map((pair) => pair.from))
  if (from.length === to.length) return used.size === from.length && pairs.every((pair) => pair.from) ? pairs : undefined
  return [...pairs, ...from.filter((weight) => !used.has(weight)).map((weight) => ({ from: weight, to: undefined }))]
}

interface RowInputs extends WeightPair {
  readonly fileLayer: FileLayer | undefined
  readonly layer: ExpectedLayer | undefined
}

function toRow({ from, to, fileLayer, layer }: RowInputs): Omit<WeightRow, 'skipped'> {
  return {
    layer: layer?.layer ?? fileLayer?.name ?? '',
    weight: lastPart(to?.path ?? from?.name ?? ''),
    fileShape: from?.shape,
    expectedShape: to?.shape,
    status: !from ? 'missing' : !to ? 'unexpected' : sameShape(from.shape, to.shape) ? 'fits' : 'shape',
  }
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
