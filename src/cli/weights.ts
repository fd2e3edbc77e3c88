/** @file `rootstock weights`: what is in a weight file, and whether it fits a network. */
import { RootstockError } from '../errors.ts'
import type { WeightFile, WeightRow } from '../formats/keras/index.ts'
import { command, type Outcome } from './command.ts'
import { positive, quantity, toggle, word } from './flag-values.ts'
import { NETWORKS } from './network-names.ts'
import { oneLine } from './one-line.ts'
import { alignColumns } from './table.ts'
import type { Terminal } from './terminal.ts'

export const weights = command({
  name: 'weights',
  summary: 'List the tensors of an .h5 weight file and, with --network, which of them fit.',
  operands: [{ name: 'FILE', description: 'A weight file of Keras: .h5 or .weights.h5' }],
  flags: {
    network: word('NAME', 'The network that the file should fit', NETWORKS),
    alpha: quantity('A', 'Width of mobilenet; default 1', positive),
    noTop: toggle('The network without its 1,000-class top'),
  },
  examples: ['rootstock weights mobilenet_2_5_224_tf.h5 --network mobilenet --alpha 0.25'],
  run: async ({ operands: [path = ''], flags, terminal }) => {
    refuseWithoutNetwork(flags)
    const { openWeightFile } = await import('../formats/keras/index.ts')
    const file = openWeightFile(path)
    try {
      return flags.network === undefined ? list(file, terminal) : await compare(file, { ...flags, network: flags.network }, terminal)
    } finally {
      file.close()
    }
  },
})

/** What says how the network is built says nothing of a file alone. */
function refuseWithoutNetwork({ network, alpha, noTop }: Partial<Wanted>): void {
  const flag = noTop ? '--no-top' : alpha === undefined ? undefined : '--alpha'
  if (network !== undefined || flag === undefined) return
  throw new RootstockError('USAGE', `Cannot use ${flag} without --network: found no network that the file should fit`, {
    hint: `Name it, as in --network mobilenet, or leave ${flag} out`,
  })
}

/** The tensors as they are. */
function list(file: WeightFile, { print }: Terminal): Outcome {
  const tensors = file.layers.flatMap((layer) => layer.weights.map(({ name, shape }) => ({ layer: layer.name, weight: name, shape })))
  for (const line of alignColumns(tensors.map(({ layer, weight, shape }) => [oneLine(layer), oneLine(weight), shown(shape)]))) print(line)
  print(`${tensors.length} tensors in ${file.layers.length} layers, ${inWords(file)}`)
  return { json: { ...head(file), tensors } }
}

interface Wanted {
  readonly network: string
  readonly alpha?: number
  readonly noTop?: true
}

/** Tensor by tensor, what fits and what does not. */
async function compare(file: WeightFile, { network, alpha, noTop }: Wanted, terminal: Terminal): Promise<Outcome> {
  const { application } = await import('../applications/index.ts')
  const { describeRow, expectedLayers, matchWeights } = await import('../formats/keras/index.ts')
  const model = await application(network, { weights: null, includeTop: noTop !== true, ...(alpha && { alpha }) })
  const { rows, problems } = matchWeights(file, expectedLayers(model))
  for (const row of rows) terminal.print(`  ${row.status === 'fits' ? 'ok ' : terminal.colors.red('bad')}  ${oneLine(describeRow(row))}`)
  const fitting = rows.length - problems.length
  terminal.print(`${fitting} of ${rows.length} tensors fit ${network}; the file is ${inWords(file)}`)
  const json = { ...head(file), network, fits: problems.length === 0, fitting, tensors: rows.map(toJson) }
  return problems[0]
    ? { json, error: misfit(file, network, { first: describeRow(problems[0]), count: problems.length, of: rows.length }) }
    : { json }
}

function misfit(file: WeightFile, network: string, { first, count, of }: { first: string; count: number; of: number }): RootstockError {
  return new RootstockError('WEIGHTS', `${file.name} does not fit ${network}: ${count} of ${of} tensors differ, the first is ${first}`, {
    hint: 'Try --no-top, another --alpha or another --network',
  })
}

function toJson({ layer, weight, fileShape, expectedShape, status }: WeightRow): object {
  return { layer, weight, file: fileShape ?? null, expected: expectedShape ?? null, status }
}

function head({ name, kind, kerasVersion }: WeightFile): object {
  return { file: name, kind, kerasVersion: kerasVersion ?? null }
}

function inWords({ kind, kerasVersion }: WeightFile): string {
  const words = {
    'keras-weights': 'a weight file of Keras 1 or 2',
    'keras-model': 'a whole model of Keras 1 or 2',
    'keras3-weights': 'a weight file of Keras 3',
  }
  return words[kind] + (kerasVersion === undefined ? '' : ` (written by ${oneLine(kerasVersion)})`)
}

function shown(shape: readonly number[]): string {
  return `[${shape.join(',')}]`
}
