/** @file Pairs the layers of a weight file with those of a network. */
import type { ExpectedLayer, PairOptions } from './match-weights.ts'
import { byAddress } from './pair-by-address.ts'
import { byAllNames, byOwnName, byWholeName } from './pair-by-name.ts'
import type { NamedPair } from './pair-by-name.ts'
import { byOrder } from './pair-by-order.ts'
import type { FileLayer, WeightFile } from './weight-file.ts'
import { isAutoName, isLegacyResNet50, resNet50Name } from './weight-names.ts'

/** A layer of the file, a layer of the network, or both. */
export interface LayerPair {
  readonly fileLayer: FileLayer | undefined
  readonly layer: ExpectedLayer | undefined
}

/** Every layer of the network in its order, then the layers of the file that found no partner. */
export function pairLayers(
  file: Pick<WeightFile, 'layers' | 'kind'>,
  expected: readonly ExpectedLayer[],
  { byName = false, sameModel = false }: PairOptions,
): LayerPair[] {
  const { kind } = file
  const found = isLegacyResNet50(file.layers)
    ? file.layers.map(({ name, weights }) => ({ name: resNet50Name(name), weights }))
    : file.layers
  const partners = new Map<ExpectedLayer, FileLayer>()
  const free = new Set(found)
  const take = (pairs: readonly NamedPair[]): void => {
    for (const [layer, partner] of pairs) if (free.delete(partner)) partners.set(layer, partner)
  }
  const rest = (): ExpectedLayer[] => expected.filter((layer) => !partners.has(layer))
  if (sameModel) take(byAllNames(expected, found, kind) ?? [])
  const isNamed = ({ layer, className }: ExpectedLayer): boolean => byName || !isAutoName(layer, className)
  take(byWholeName(rest().filter((layer) => isNamed(layer) && (byName || layer.place.isNamed)), [...free], kind)) // prettier-ignore
  take(byOwnName(rest().filter(isNamed), byName ? [...free] : [...free].filter(hasName)))
  if (!byName && kind === 'keras3-weights') take(byAddress(rest(), [...free]))
  if (!byName && kind !== 'keras3-weights') {
    // Keras stores what is frozen in a nested model behind what trains, so that names say more about it than the order.
    const nested = rest().filter(({ place }) => place.names.length > 1)
    take(byAllNames(nested, [...free], kind) ?? [])
    take(byOrder(rest(), [...free]))
  }
  const pairs = expected.map((layer): LayerPair => ({ layer, fileLayer: partners.get(layer) }))
  return [...withoutRepeats(pairs), ...[...free].map((fileLayer): LayerPair => ({ layer: undefined, fileLayer }))]
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
