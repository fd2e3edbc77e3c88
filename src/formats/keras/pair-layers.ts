/** @file Pairs the layers of a weight file with those of a network. */
import type { ExpectedLayer, PairOptions } from './match-weights.ts'
import { byAddress } from './pair-by-address.ts'
import { byAllNames, byOwnName, byWholeName, groupBy } from './pair-by-name.ts'
import type { NamedPair } from './pair-by-name.ts'
import { byOrder } from './pair-by-order.ts'
import type { FileLayer, WeightFile } from './weight-file.ts'
import { isAutoName, isLegacyResNet50, resNet50Name } from './weight-names.ts'

/** A layer of the file, a layer of the network, or both. */
export interface LayerPair {
  readonly fileLayer: FileLayer | undefined
  readonly layer: ExpectedLayer | undefined
  /** With `byName`: whether both sides have something of that name. */
  readonly isNamed?: boolean
}

type FileLayers = Pick<WeightFile, 'layers' | 'kind'>

/** Every layer of the network in its order, then the layers of the file that found no partner. */
export function pairLayers({ kind, layers }: FileLayers, expected: readonly ExpectedLayer[], options: PairOptions): LayerPair[] {
  const today = ({ name, weights }: FileLayer): FileLayer => ({ name: resNet50Name(name), paths: [resNet50Name(name)], weights })
  const found = isLegacyResNet50(layers) ? layers.map(today) : layers
  const pair = options.byName ? pairByName : pairWhole
  return pair({ kind, layers: found }, expected, options)
}

/**
 * What stands in the outermost model, by its names: as in Keras, a nested model is one layer there, and what stands in it is paired as any
 * file. Files that say nothing of nested models (safetensors) have the names of all layers.
 */
function pairByName({ kind, layers }: FileLayers, expected: readonly ExpectedLayer[], options: PairOptions): LayerPair[] {
  const isFlat = layers.every(({ paths }) => paths === undefined)
  const offered = groupBy(layers, ({ name, paths = [] }) => paths[0]?.split('/')[0] ?? name)
  const wanted = groupBy(expected, ({ layer, place }) => (isFlat ? layer : (place.names[0] ?? layer)))
  const pairs = [...wanted].flatMap(([name, own]): LayerPair[] => {
    const partners = offered.get(name)
    if (!partners) return own.map((layer) => ({ layer, fileLayer: undefined, isNamed: false }))
    offered.delete(name)
    return pairParts({ kind, layers: partners }, own, options).map((pair) => ({ ...pair, isNamed: true }))
  })
  const rest = [...offered.values()].flat().map((fileLayer): LayerPair => ({ layer: undefined, fileLayer, isNamed: false }))
  return [...withoutRepeats(pairs.filter(({ layer }) => layer)), ...pairs.filter(({ layer }) => !layer), ...rest]
}

function pairParts(file: FileLayers, own: readonly ExpectedLayer[], options: PairOptions): LayerPair[] {
  const { layers } = file
  const [layer, fileLayer] = [own[0], layers[0]]
  if (own.length === 1 && layers.length === 1) return [{ layer, fileLayer }]
  const count = (some: readonly { readonly weights: readonly unknown[] }[]): number => some.flatMap(({ weights }) => weights).length
  // Keras leaves a whole model alone that has another number of weights.
  if (!options.skipMismatch || count(own) === count(layers)) return pairWhole(file, own, options)
  return [...own.map((one) => ({ layer: one, fileLayer: undefined })), ...layers.map((one) => ({ layer: undefined, fileLayer: one }))]
}

function pairWhole(
  { kind, layers: found }: FileLayers,
  expected: readonly ExpectedLayer[],
  { sameModel = false }: PairOptions,
): LayerPair[] {
  const partners = new Map<ExpectedLayer, FileLayer>()
  const free = new Set(found)
  const take = (pairs: readonly NamedPair[]): void => {
    for (const [layer, partner] of pairs) if (free.delete(partner)) partners.set(layer, partner)
  }
  const rest = (): ExpectedLayer[] => expected.filter((layer) => !partners.has(layer))
  if (sameModel) take(byAllNames(expected, found, kind) ?? [])
  const isNamed = ({ layer, className }: ExpectedLayer): boolean => !isAutoName(layer, className)
  take(byWholeName(rest().filter((layer) => isNamed(layer) && layer.place.isNamed), [...free], kind)) // prettier-ignore
  take(byOwnName(rest().filter(isNamed), [...free].filter(hasName)))
  if (kind === 'keras3-weights') take(byAddress(rest(), [...free]))
  else {
    // Keras stores what is frozen in a nested model behind what trains, so that names say more about it than the order.
    const nested = rest().filter(({ place }) => place.names.length > 1)
    take(byAllNames(nested, [...free], kind) ?? [])
    take(byOrder(withoutFilled(rest(), partners, free.size), [...free]))
  }
  const pairs = expected.map((layer): LayerPair => ({ layer, fileLayer: partners.get(layer) }))
  return [...withoutRepeats(pairs), ...[...free].map((fileLayer): LayerPair => ({ layer: undefined, fileLayer }))]
}

/** Without the places of layers that several models share and that are filled in another one, where the file holds those once. */
function withoutFilled(layers: ExpectedLayer[], partners: ReadonlyMap<ExpectedLayer, FileLayer>, left: number): ExpectedLayer[] {
  const filled = new Set([...partners.keys()].map(({ weights }) => weights[0]))
  const empty = layers.filter(({ weights }) => !filled.has(weights[0]))
  return empty.length === left ? empty : layers
}

/** Files of Keras 2.12 to 2.15 in the newer form keep no names: "dense_1" there is the second dense layer, whatever its name. */
function hasName({ name, address, paths }: FileLayer): boolean {
  return address === undefined || paths !== undefined || name !== address.slice(address.lastIndexOf('/') + 1)
}

/** A layer that several models share stands in each of them, and Keras 3 stores it in the first only: once is enough. */
function withoutRepeats(pairs: readonly LayerPair[]): LayerPair[] {
  const best = new Map<unknown, LayerPair>()
  for (const pair of pairs) {
    const key = pair.layer?.weights[0]
    if (!best.get(key)?.fileLayer && (pair.fileLayer || !best.has(key))) best.set(key, pair)
  }
  return pairs.filter((pair) => best.get(pair.layer?.weights[0]) === pair)
}
