/** @file Writes weights as Keras does: `.weights.h5` of Keras 3, and the `.h5` weight file of Keras 1 and 2. */
import { RootstockError } from '../../errors.ts'
import type { Tensor } from '../../tensor/index.ts'
import { estimateBytes, writeHdf5 } from './h5-writer.ts'
import type { H5Writer } from './h5-writer.ts'
import { snakeCase } from './weight-names.ts'

/** A layer to write; layers without weights are part of the file too. */
export interface SavedLayer {
  readonly name: string
  /** Keras's class name: Keras 3 finds a layer again by its class and its place among the layers of that class. */
  readonly className: string
  /** In Keras's order: trainable ones first. */
  readonly weights: readonly SavedWeight[]
}

/** A tensor in Keras's layout, and its own name ("kernel"). */
export interface SavedWeight {
  readonly name: string
  readonly tensor: Tensor<'float32'>
}

/** What a `.weights.h5` may hold besides the layers. */
export interface WriteExtras {
  /** The model's name; "functional" by default. */
  readonly modelName?: string
  /** State of the optimizer in Keras's order (iterations as int64, learning rate, then its slots). */
  readonly optimizer?: { readonly name: string; readonly variables: readonly Tensor<'float32' | 'int64'>[] }
}

/** Names in one attribute: more would not fit into the 64 KB of an object header. */
const MOST_NAMES = 3000

/**
 * Writes a weight file that Keras 3 loads: its own form for names that end in `.weights.h5`, the older form for other `.h5` names. Whole or
 * not at all. Throws USAGE for other names, FILE when it cannot be written.
 */
export async function writeWeightsH5(path: string, layers: readonly SavedLayer[], extras: WriteExtras = {}): Promise<void> {
  if (!path.endsWith('.h5')) {
    throw new RootstockError('USAGE', `Cannot write weights to ${path}: expected a name that ends in .weights.h5 or .h5`)
  }
  const tensors = [...layers.flatMap(({ weights }) => weights.map(({ tensor }) => tensor)), ...(extras.optimizer?.variables ?? [])]
  const build = path.endsWith('.weights.h5') ? writeModern : writeLegacy
  await writeHdf5(path, estimateBytes(tensors) + layers.length * 2048, (writer) => build(writer, layers, extras))
}

function writeModern(writer: H5Writer, layers: readonly SavedLayer[], { modelName = 'functional', optimizer }: WriteExtras): void {
  const counts = new Map<string, number>()
  for (const { name, className, weights } of layers) {
    const stem = snakeCase(className)
    const count = counts.get(stem) ?? 0
    counts.set(stem, count + 1)
    const vars = `/layers/${count === 0 ? stem : `${stem}_${count}`}/vars`
    writer.group(vars)
    writer.attribute(vars, 'name', name)
    weights.forEach(({ tensor }, i) => writer.dataset(`${vars}/${i}`, tensor))
  }
  writer.group('/vars')
  writer.attribute('/vars', 'name', modelName)
  if (!optimizer) return
  writer.group('/optimizer/vars')
  writer.attribute('/optimizer/vars', 'name', optimizer.name)
  optimizer.variables.forEach((variable, i) => writer.dataset(`/optimizer/vars/${i}`, variable))
}

function writeLegacy(writer: H5Writer, layers: readonly SavedLayer[]): void {
  writeNames(writer, '/', { name: 'layer_names', values: layers.map(({ name }) => name) })
  // Files that name another backend had their convolution kernels turned by Keras 2.
  writer.attribute('/', 'backend', 'tensorflow')
  writer.attribute('/', 'keras_version', '3.0.0')
  for (const { name, weights } of layers) {
    const names = weights.map((weight) => `${name}/${weight.name}`)
    writer.group(`/${name}`)
    writeNames(writer, `/${name}`, { name: 'weight_names', values: names })
    weights.forEach(({ tensor }, i) => writer.dataset(`/${name}/${names[i]}`, tensor))
  }
}

function writeNames(writer: H5Writer, path: string, { name, values }: { name: string; values: readonly string[] }): void {
  if (values.length <= MOST_NAMES) {
    writer.attribute(path, name, values)
    return
  }
  for (let i = 0; i * MOST_NAMES < values.length; i++) {
    writer.attribute(path, `${name}${i}`, values.slice(i * MOST_NAMES, (i + 1) * MOST_NAMES))
  }
}
