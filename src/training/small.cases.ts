/** @file Tiny networks and data for the tests of training. Equal calls give equal weights, since these depend on names alone. */
import {
  activation,
  add,
  batchNormalization,
  clearSession,
  conv2d,
  dense,
  dropout,
  flatten,
  globalAveragePooling2d,
  input,
} from '../layers/index.ts'
import { random, rows, tensor, type Tensor } from '../tensor/index.ts'
import { model, type Model } from './model.ts'
import type { StreamBatch } from './source.ts'

type Numbers = Tensor<'float32'>
const size = 8

export interface Photos {
  readonly x: Numbers
  /** One-hot. */
  readonly y: Numbers
  readonly labels: readonly number[]
}

/** Noise of 8 × 8 pixels in which class k has channel k brightened. */
export function photos(count: number, seed = 0): Photos {
  const rng = random(`photos/${seed}`)
  const labels = Array.from({ length: count }, () => rng.integer(3))
  const x = Float32Array.from({ length: count * size * size * 3 }, (_, i) => rng.normal() + (labelOf(labels, i) === i % 3 ? 1 : 0))
  return { x: tensor(x, [count, size, size, 3]), y: oneHot(labels), labels }
}

function labelOf(labels: readonly number[], at: number): number | undefined {
  return labels[Math.floor(at / (size * size * 3))]
}

/** Rows with a 1 at the label's place, of three classes. */
export function oneHot(labels: readonly number[]): Numbers {
  return tensor(
    labels.flatMap((label) => [0, 1, 2].map((k) => (k === label ? 1 : 0))),
    [labels.length, 3],
  )
}

/** Samples `from` up to `to`. */
export function part({ x, y, labels }: Photos, from: number, to: number): Photos {
  return { x: rows(x, from, to), y: rows(y, from, to), labels: labels.slice(from, to) }
}

/** conv 'body' → batch norm 'norm' → ReLU → mean → dense 'head'. */
export function smallNet(): Model {
  clearSession()
  const photo = input({ shape: [size, size, 3] })
  const body = conv2d({ filters: 4, kernelSize: 3, padding: 'same', name: 'body' })(photo)
  const normal = activation({ activation: 'relu' })(batchNormalization({ name: 'norm' })(body))
  const pooled = globalAveragePooling2d({})(normal)
  return model({ inputs: photo, outputs: dense({ units: 3, activation: 'softmax', name: 'head' })(pooled) })
}

/** conv 'first' → ReLU → (conv 'second' → ReLU → conv 'third') + itself → mean → dense 'head': a border after 'second' cuts two ways. */
export function residualNet(): Model {
  clearSession()
  const photo = input({ shape: [size, size, 3] })
  const convolved = (name: string) => conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'relu', name })
  const trunk = convolved('first')(photo)
  const branch = convolved('third')(convolved('second')(trunk))
  const pooled = globalAveragePooling2d({})(add({})([trunk, branch]))
  return model({ inputs: photo, outputs: dense({ units: 3, activation: 'softmax', name: 'head' })(pooled) })
}

/** As ResNet's stages meet: conv 'first' → (conv 'second' + itself) → two 1×1 convolutions with steps of two, 'left' + 'right' → mean → dense 'head'. */
export function steppedNet(): Model {
  clearSession()
  const photo = input({ shape: [size, size, 3] })
  const convolved = (name: string) => conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'relu', name })
  const halved = (name: string) => conv2d({ filters: 6, kernelSize: 1, strides: 2, activation: 'relu', name })
  const before = convolved('first')(photo)
  const met = add({})([before, convolved('second')(before)])
  const pooled = globalAveragePooling2d({})(add({})([halved('left')(met), halved('right')(met)]))
  return model({ inputs: photo, outputs: dense({ units: 3, activation: 'softmax', name: 'head' })(pooled) })
}

/** flatten → dropout of one half, 'drop' → dense 'head'. */
export function dropoutNet(rate = 0.5): Model {
  clearSession()
  const photo = input({ shape: [size, size, 3] })
  const dropped = dropout({ rate, name: 'drop' })(flatten({})(photo))
  return model({ inputs: photo, outputs: dense({ units: 3, activation: 'softmax', name: 'head' })(dropped) })
}

/** Batches in order; every reading starts anew. */
export function stream({ x, y }: Photos, batchSize: number, onBatch?: (from: number) => void): AsyncIterable<StreamBatch> {
  return {
    async *[Symbol.asyncIterator]() {
      for (let from = 0; from < (x.shape[0] ?? 0); from += batchSize) {
        await Promise.resolve()
        onBatch?.(from)
        yield { x: rows(x, from, from + batchSize), y: rows(y, from, from + batchSize) }
      }
    },
  }
}

/** The numbers of all weights by path. */
export async function weightsOf(net: Model): Promise<Record<string, number[]>> {
  const found: Record<string, number[]> = {}
  for (const weight of net.weights) found[weight.path] = [...(await weight.read()).data] as number[]
  return found
}
