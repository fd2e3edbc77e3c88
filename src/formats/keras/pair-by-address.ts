/** @file Pairs layers by Keras 3's addresses: a layer is the k-th of its class in its model, "functional/conv2d_1". */
import type { ExpectedLayer } from './match-weights.ts'
import { byAllNames, byKey, groupBy, isComplete } from './pair-by-name.ts'
import type { NamedPair } from './pair-by-name.ts'
import type { FileLayer } from './weight-file.ts'
import { snakeCase } from './weight-names.ts'

/**
 * By address where all of them agree, as Keras does. Where they do not, the models are nested otherwise: then names decide where all agree,
 * else the order within a class. A class that stands in several models has no order of its own in the file, and is not guessed.
 */
export function byAddress(expected: readonly ExpectedLayer[], found: readonly FileLayer[]): NamedPair[] {
  const pairs = byKey(expected, found, { keyOf: ({ place }) => place.address, keysOf: addressOf })
  if (isComplete(pairs, expected, found)) return pairs
  const named = byAllNames(expected, found, 'keras3-weights')
  if (named) return named
  const alike = byKey(expected, found, {
    keyOf: ({ place }) => place.functionalAddress,
    keysOf: (layer) => addressOf(layer).map(functional),
  })
  return isComplete(alike, expected, found) ? alike : byClass(expected, found, pairs)
}

function addressOf({ address }: FileLayer): string[] {
  return address === undefined ? [] : [address]
}

/** Two addresses that become the same one fit nothing. */
function functional(address: string): string {
  return address.replaceAll(/(?<=^|\/)sequential(?=(?:_\d+)?\/)/gu, 'functional')
}

function byClass(expected: readonly ExpectedLayer[], found: readonly FileLayer[], pairs: readonly NamedPair[]): NamedPair[] {
  const offered = groupBy(found, ({ address = '' }) => lastPart(address).replace(/_\d+$/u, ''))
  return [...groupBy(expected, ({ className }) => snakeCase(className))].flatMap(([stem, layers]) => {
    const partners = offered.get(stem) ?? []
    const isOrdered = isOneModel(layers.map(({ place }) => place.address)) && isOneModel(partners.map(({ address = '' }) => address))
    if (!isOrdered || layers.length !== partners.length) return pairs.filter(([layer]) => layers.includes(layer))
    return layers.flatMap((layer, i): NamedPair[] => (partners[i] ? [[layer, partners[i]]] : []))
  })
}

function isOneModel(addresses: readonly string[]): boolean {
  return new Set(addresses.map((address) => address.slice(0, address.lastIndexOf('/') + 1))).size === 1
}

function lastPart(address: string): string {
  return address.slice(address.lastIndexOf('/') + 1)
}
