/** @file Pairs the layers of a weight file with those of a network. */
import { sameShape } from '../../tensor/index.ts'
import type { ExpectedLayer } from './match-weights.ts'
import type { FileLayer, WeightFile } from './weight-file.ts'
import { isAutoName, isLegacyResNet50, resNet50Name, snakeCase } from './weight-names.ts'

/** A layer of the file, a layer of the network, or both. */
export interface LayerPair {
  readonly fileLayer: FileLayer | undefined
  readonly layer: ExpectedLayer | undefined
}

/** Every layer of the network in its order, then the layers of the file that found no partner. */
export function pairLayers(file: Pick<WeightFile, 'layers' | 'kind'>, expected: readonly ExpectedLayer[], byName: boolean): LayerPair[] {
  const renamed = isLegacyResNet50(file.layers)
  const found = renamed ? file.layers.map((layer) => ({ ...layer, name: resNet50Name(layer.name) })) : file.layers
  const partners = new Map<ExpectedLayer, FileLayer>()
  const free = new Set(found)
  const take = (layer: ExpectedLayer, partner: FileLayer | undefined): void => {
    if (!partner || !free.delete(partner)) return
    partners.set(layer, partner)
  }
  const names = new Map(found.map((layer) => [layer.name, layer]))
  for (const layer of expected) if (byName || !isAutoName(layer.layer, layer.className)) take(layer, names.get(layer.layer))
  if (!byName) {
    const rest = expected.filter((layer) => !partners.has(layer))
    const pairs = file.kind === 'keras3-weights' ? byAddress(rest, [...free], expected) : byOrder(rest, [...free])
    for (const [layer, partner] of pairs) take(layer, partner)
  }
  const pairs = expected.map((layer): LayerPair => ({ layer, fileLayer: partners.get(layer) }))
  return [...pairs, ...[...free].map((fileLayer): LayerPair => ({ layer: undefined, fileLayer }))]
}

/**
 * The k-th layer of each form with the k-th of the same form, as in Keras: the order of two branches of a graph is the same in the file
 * and in the network, but how convolutions and batch norms alternate need not be.
 */
function byOrder(expected: readonly ExpectedLayer[], found: readonly FileLayer[]): [ExpectedLayer, FileLayer | undefined][] {
  const queues = groupBy(found, form)
  for (const [key, wanted] of groupBy(expected, form)) queues.set(key, align(wanted, queues.get(key) ?? []))
  return expected.map((layer) => [layer, queues.get(form(layer))?.shift()])
}

/**
 * The file's layers in the order of the network's: the file's own order, as in Keras. Where the shapes speak against that (a half-frozen
 * nested model is stored with its frozen layers last) and the counters of Keras's own names ("conv2d_95") differ from the network's by one
 * number for all layers, the counters tell.
 */
function align(wanted: readonly ExpectedLayer[], found: readonly FileLayer[]): FileLayer[] {
  const fits = (a: ExpectedLayer, b: FileLayer): boolean => a.weights.every(({ shape }, i) => sameShape(shape, b.weights[i]?.shape ?? []))
  if (found.every((layer, i) => wanted[i] === undefined || fits(wanted[i], layer))) return [...found]
  const counters = wanted.map(({ layer, className }) => (isAutoName(layer, className) ? counterOf(layer) : NaN))
  const byCounter = new Map(found.map((layer) => [counterOf(layer.name), layer]))
  const offset = Math.min(...byCounter.keys()) - Math.min(...counters)
  const ordered = counters.map((counter) => byCounter.get(counter + offset))
  const whole = ordered.filter((layer) => layer !== undefined)
  const oneStem = new Set(found.map(({ name }) => name.replace(/_\d+$/u, ''))).size === 1
  return oneStem && whole.length === found.length && found.length === wanted.length ? whole : [...found]
}

/** 7 of "conv2d_7"; 0 of "conv2d". */
function counterOf(name: string): number {
  return Number(/_(\d+)$/u.exec(name)?.[1] ?? 0)
}

/** Tensors and their numbers of axes: "4,1" for a convolution with bias, "1,1,1,1" for a batch norm. */
function form({ weights }: { readonly weights: readonly { readonly shape: readonly number[] }[] }): string {
  return weights.map(({ shape }) => shape.length).join()
}

/** Keras 3 addresses a layer by its class and how many of the class stand before it. */
function byAddress(
  rest: readonly ExpectedLayer[],
  found: readonly FileLayer[],
  expected: readonly ExpectedLayer[],
): [ExpectedLayer, FileLayer | undefined][] {
  const free = new Map(found.map((layer) => [layer.address, layer]))
  if (free.size !== found.length) return byClass(rest, found)
  const counts = new Map<string, number>()
  const addresses = new Map<ExpectedLayer, string>()
  for (const layer of expected) {
    const stem = snakeCase(layer.className)
    const count = counts.get(stem) ?? 0
    counts.set(stem, count + 1)
    addresses.set(layer, count === 0 ? stem : `${stem}_${count}`)
  }
  return rest.map((layer) => [layer, free.get(addresses.get(layer))])
}

/** In files with nested models an address occurs more than once; what is left is the order within each class. */
function byClass(rest: readonly ExpectedLayer[], found: readonly FileLayer[]): [ExpectedLayer, FileLayer | undefined][] {
  const queues = groupBy(found, ({ address = '' }) => address.replace(/_\d+$/u, ''))
  return rest.map((layer) => [layer, queues.get(snakeCase(layer.className))?.shift()])
}

function groupBy<T>(values: readonly T[], key: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const value of values) groups.set(key(value), [...(groups.get(key(value)) ?? []), value])
  return groups
}
