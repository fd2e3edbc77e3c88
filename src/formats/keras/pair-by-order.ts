/** @file Pairs layers by their order, as Keras 1 and 2 do. */
import { sameShape } from '../../tensor/index.ts'
import type { ExpectedLayer } from './match-weights.ts'
import { groupBy } from './pair-by-name.ts'
import type { NamedPair } from './pair-by-name.ts'
import type { FileLayer } from './weight-file.ts'
import { isAutoName, snakeCase } from './weight-names.ts'

/**
 * The k-th layer of each form with the k-th of the same form, as in Keras: the order of two branches of a graph is the same in the file
 * and in the network, but how convolutions and batch norms alternate need not be.
 */
export function byOrder(expected: readonly ExpectedLayer[], found: readonly FileLayer[]): NamedPair[] {
  const offered = groupBy(found, (layer) => `${form(layer)} ${layer.name.replace(/_\d+$/u, '')}`)
  const wanted = groupBy(expected, (layer) => `${form(layer)} ${snakeCase(layer.className)}`)
  // Automatic names tell the class: a convolution and a depthwise one have the same form.
  const areClasses = offered.size === wanted.size && [...wanted].every(([key, layers]) => offered.get(key)?.length === layers.length)
  return areClasses ? inOrder(wanted, offered) : inOrder(groupBy(expected, form), groupBy(found, form))
}

function inOrder(wanted: ReadonlyMap<string, readonly ExpectedLayer[]>, offered: ReadonlyMap<string, readonly FileLayer[]>): NamedPair[] {
  return [...wanted].flatMap(([key, layers]) => {
    const partners = align(layers, offered.get(key) ?? [])
    return layers.flatMap((layer, i): NamedPair[] => (partners[i] ? [[layer, partners[i]]] : []))
  })
}

/**
 * The file's layers in the order of the network's: the file's own order, as in Keras. Where all lie in nested models, of which a half-frozen
 * one is stored with its frozen layers last, or where the shapes speak against that order, and the counters of Keras's own names ("conv2d_95")
 * differ from the network's by one number for all layers, the counters tell.
 */
function align(wanted: readonly ExpectedLayer[], found: readonly FileLayer[]): FileLayer[] {
  const fits = (a: ExpectedLayer, b: FileLayer): boolean => a.weights.every(({ shape }, i) => sameShape(shape, b.weights[i]?.shape ?? []))
  const areNested = wanted.every(({ place }) => place.names.length > 1) && found.every(({ paths = [] }) => paths.some(isInside))
  if (!areNested && found.every((layer, i) => wanted[i] === undefined || fits(wanted[i], layer))) return [...found]
  const counters = wanted.map(({ layer, className }) => (isAutoName(layer, className) ? counterOf(layer) : NaN))
  const byCounter = new Map(found.map((layer) => [counterOf(layer.name), layer]))
  const offset = Math.min(...byCounter.keys()) - Math.min(...counters)
  const ordered = counters.map((counter) => byCounter.get(counter + offset))
  const whole = ordered.filter((layer) => layer !== undefined)
  const oneStem = new Set(found.map(({ name }) => name.replace(/_\d+$/u, ''))).size === 1
  return oneStem && whole.length === found.length && found.length === wanted.length ? whole : [...found]
}

function isInside(path: string): boolean {
  return path.includes('/')
}

/** 7 of "conv2d_7"; 0 of "conv2d". */
function counterOf(name: string): number {
  return Number(/_(\d+)$/u.exec(name)?.[1] ?? 0)
}

/** Tensors and their numbers of axes: "4,1" for a convolution with bias, "1,1,1,1" for a batch norm. */
function form({ weights }: { readonly weights: readonly { readonly shape: readonly number[] }[] }): string {
  return weights.map(({ shape }) => shape.length).join()
}
