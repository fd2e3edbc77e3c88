/**
 * @file Ten epochs of a head on stored features: `npx tsx bench/epochs.ts [--photos 3000] [--features 2048] [--head 1024] [--runs 3]`.
 * A frozen convolution stands for the network; the first run fills a store in a temporary folder, the others read it.
 * On a busy machine the least epoch says most.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Dataset } from '../src/data/index.ts'
import { conv2d, dense, globalAveragePooling2d, input } from '../src/layers/index.ts'
import { tensor } from '../src/tensor/index.ts'
import { model, optimizers } from '../src/training/index.ts'

const { values } = parseArgs({
  options: {
    photos: { type: 'string', default: '3000' },
    features: { type: 'string', default: '2048' },
    head: { type: 'string', default: '1024' },
    runs: { type: 'string', default: '3' },
  },
})
const [photos, features, head, runs] = [values.photos, values.features, values.head, values.runs].map(Number) as [
  number,
  number,
  number,
  number,
]
const cache = mkdtempSync(join(tmpdir(), 'rootstock-bench-'))
process.env['ROOTSTOCK_CACHE'] = cache

const data: Dataset = {
  size: photos,
  classNames: ['a', 'b'],
  labels: Int32Array.from({ length: photos }, (_, i) => i % 2),
  read: (index) =>
    Promise.resolve(
      tensor(
        Float32Array.from({ length: 12 }, (_, i) => Math.sin(index * 12 + i)),
        [2, 2, 3],
      ),
    ),
  describe: String,
  hash: (index) => Promise.resolve(`photo ${index}`),
}

try {
  console.log('| | to the first epoch, s | 10 epochs, s | least epoch × 10, s |\n|---|---|---|---|')
  for (let run = 0; run <= runs; run++) console.log(`| ${run === 0 ? 'nothing stored' : 'stored'} | ${(await timedFit()).join(' | ')} |`)
} finally {
  rmSync(cache, { recursive: true, force: true })
}

async function timedFit(): Promise<string[]> {
  const photo = input({ shape: [2, 2, 3] })
  const trunk = conv2d({ filters: features, kernelSize: 1, activation: 'relu', name: 'trunk' })
  const pooled = globalAveragePooling2d()(trunk(photo))
  trunk.trainable = false
  const hidden = dense({ units: head, activation: 'relu' })(pooled)
  const net = model({ inputs: photo, outputs: dense({ units: 2, activation: 'softmax' })(hidden) })
  net.compile({ optimizer: optimizers.adam(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const asked = performance.now()
  let begun = asked
  const ends: number[] = []
  await net.fit(data, {
    epochs: 10,
    onEvent(event) {
      if (event.type === 'trainBegin') begun = performance.now()
      if (event.type === 'epochEnd') ends.push(performance.now())
    },
  })
  await net.dispose()
  const least = (times: readonly number[]): number => times.length * Math.min(...times.map((time, i) => time - (times[i - 1] ?? begun)))
  const all = (ends.at(-1) ?? NaN) - begun
  return [begun - asked, all, least(ends)].map((milliseconds) => (milliseconds / 1000).toFixed(2))
}
