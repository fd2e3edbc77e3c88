/**
 * @file Images per second of the frozen part of each network in 8 bits and in float32, by turns, in the engine alone. Weights are random: speed
 * does not depend on them. Run it with `npx tsx bench/int8.ts [--network NAME]… [--seconds N]`.
 */
import { cpus } from 'node:os'
import { application, type NetworkName } from '../src/applications/index.ts'
import { engine } from '../src/engine/index.ts'
import type { Graph } from '../src/graph/index.ts'
import { clearSession } from '../src/layers/index.ts'
import { lower } from '../src/models/index.ts'
import { rows, type Tensor } from '../src/tensor/index.ts'
import { makeByteTrunk } from '../src/training/int8/make-byte-trunk.ts'
import { noise } from './noise.ts'
import { benchOptions } from './options.ts'
import { takeTurns } from './turns.ts'

/** As the trunk is run in training. */
const photosAtOnce = 4

const { networks, seconds } = benchOptions()
console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}\n`)
console.log('| network | int8, images/s | fp32 | int8 / fp32 | turns | cosine |\n|---|---|---|---|---|---|')
for (const name of networks) await measure(name)

async function measure(name: NetworkName): Promise<void> {
  clearSession()
  const [height, width] = inputShapeOf(name)
  const net = await application(name, { weights: null, includeTop: false, pooling: 'avg', inputShape: inputShapeOf(name) })
  const lowered = lower(net, { training: false })
  const float = lowered.tape.graph(lowered.outputs)
  const photos = noise(photosAtOnce, [height, width])
  const each = Array.from({ length: photosAtOnce }, (_, i) => rows(photos, i, i + 1))
  const { graph, agreement } = await makeByteTrunk(float, { calibration: each, comparison: each })
  const [inBytes, inFloat] = [await runOf(graph, photos), await runOf(float, photos)]
  const { ours, bare, ratio, turns } = await takeTurns(inBytes.run, inFloat.run, seconds)
  const rate = (time: number): string => (photosAtOnce / time).toFixed(1)
  console.log(`| ${[name, rate(ours), rate(bare), ratio.toFixed(2), turns, agreement.cosine.mean.toFixed(4)].join(' | ')} |`)
  await inBytes.dispose()
  await inFloat.dispose()
}

function inputShapeOf(name: NetworkName): [number, number, number] {
  return name === 'inceptionV3' || name === 'xception' ? [299, 299, 3] : [224, 224, 3]
}

async function runOf(graph: Graph, photos: Tensor<'float32'>): Promise<{ run: () => Promise<unknown>; dispose: () => Promise<void> }> {
  const program = await engine().compile(graph)
  return { run: () => program.run(new Map([[graph.inputs[0]!, photos]])), dispose: () => program.dispose() }
}
