/** @file Pairs layers of a weight file with those of a network whose names agree. */
import type { ExpectedLayer } from './match-weights.ts'
import type { FileLayer, WeightFileKind } from './weight-file.ts'

/** A layer of the network and the layer of the file that belongs to it. */
export type NamedPair = readonly [layer: ExpectedLayer, fileLayer: FileLayer]

/** By the layer's name with those of the nested models around it. */
export function byWholeName(expected: readonly ExpectedLayer[], found: readonly FileLayer[], kind: WeightFileKind): NamedPair[] {
  // The older files keep a nested model's layers in one list, whatever lies between.
  const nameOf = ({ place: { names } }: ExpectedLayer): string =>
    names.length > 2 && kind !== 'keras3-weights' ? `${names[0]}/${names.at(-1)}` : names.join('/')
  return byKey(expected, found, { keyOf: nameOf, keysOf: ({ paths = [] }) => paths })
}

/** By the layer's own name, where no second layer has it. */
export function byOwnName(expected: readonly ExpectedLayer[], found: readonly FileLayer[]): NamedPair[] {
  const namesOf = ({ name, paths = [] }: FileLayer): string[] => [name, ...paths.map((path) => path.slice(path.lastIndexOf('/') + 1))]
  return byKey(expected, found, { keyOf: ({ layer }) => layer, keysOf: namesOf })
}

/** By whole names where the file has those of all layers, automatic ones too, with their shapes; else undefined. */
export function byAllNames(expected: readonly ExpectedLayer[], found: readonly FileLayer[], kind: WeightFileKind): NamedPair[] | undefined {
  const pairs = byWholeName(expected, found, kind)
  const used = pairs.map(([, partner]) => partner)
  return isComplete(pairs, expected, used) && pairs.every(([layer, partner]) => shapesOf(layer) === shapesOf(partner)) ? pairs : undefined
}

/** Whether nothing is left on either side. A layer that several models share needs one partner. */
export function isComplete(pairs: readonly NamedPair[], expected: readonly ExpectedLayer[], found: readonly FileLayer[]): boolean {
  const filled = new Set(pairs.map(([layer]) => layer.weights[0]))
  const used = new Set(pairs.map(([, partner]) => partner))
  return expected.every((layer) => filled.has(layer.weights[0])) && found.every((layer) => used.has(layer))
}

interface Keys {
  readonly keyOf: (layer: ExpectedLayer) => string
  readonly keysOf: (layer: FileLayer) => readonly string[]
}

/** Pairs what one layer alone, or one that several models share, has for a key. */
export function byKey(expected: readonly ExpectedLayer[], found: readonly FileLayer[], { keyOf, keysOf }: Keys): NamedPair[] {
  const offered = new Map<string, Set<FileLayer>>()
  for (const layer of found) for (const key of keysOf(layer)) offered.set(key, (offered.get(key) ?? new Set()).add(layer))
  return [...groupBy(expected, keyOf)].flatMap(([key, layers]) => {
    const partners = [...(offered.get(key) ?? [])]
    const isOne = new Set(layers.map((layer) => layer.weights[0])).size === 1 && partners.length <= layers.length
    return isOne ? partners.flatMap((partner, i): NamedPair[] => (layers[i] ? [[layers[i], partner]] : [])) : []
  })
}

/** In the order of the first value of each group. */
export function groupBy<T>(values: readonly T[], key: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const value of values) {
    const group = groups.get(key(value))
    if (group) group.push(value)
    else groups.set(key(value), [value])
  }
  return groups
}

/** In an order of their own: the order within a layer may differ. */
function shapesOf({ weights }: { readonly weights: readonly { readonly shape: readonly number[] }[] }): string {
  return weights
    .map(({ shape }) => shape.join())
    .sort()
    .join(';')
}
