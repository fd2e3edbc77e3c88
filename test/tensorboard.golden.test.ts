/** @file The event files of a frozen MobileNet with a new head against those of Keras (test/golden/tensorboard.json). */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { mobilenet } from '../src/applications/index.ts'
import { readEventFile, seriesByTag } from '../src/formats/tensorboard/index.ts'
import { clearSession, dense, globalAveragePooling2d } from '../src/layers/index.ts'
import { tensor } from '../src/tensor/index.ts'
import { callbacks, model } from '../src/training/index.ts'
import { pixels } from './golden/formula.ts'

type Run = Readonly<{ tensors: Readonly<Record<string, string>>; steps: Readonly<Record<string, number[]>> }>
const golden = JSON.parse(readFileSync(new URL('./golden/tensorboard.json', import.meta.url), 'utf8')) as Readonly<
  Record<'train' | 'validation', Run>
>

it('tensorBoard writes the tags, plugins and steps of Keras for a frozen MobileNet', async () => {
  clearSession()
  const base = await mobilenet({ alpha: 0.25, weights: null, includeTop: false, inputShape: [64, 64, 3] })
  base.trainable = false
  const pooled = globalAveragePooling2d({ name: 'average_pooling2d_new' })(base.output)
  const hidden = dense({ units: 32, activation: 'relu', name: 'dense_new' })(pooled)
  const net = model({ inputs: base.input, outputs: dense({ units: 3, activation: 'softmax', name: 'dense_output' })(hidden) })
  net.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const x = pixels('tb', [8, 64, 64, 3])
  const y = tensor(
    [0, 1, 2, 0, 1, 2, 0, 1].flatMap((label) => [0, 1, 2].map((k) => (k === label ? 1 : 0))),
    [8, 3],
  )
  const logDir = mkdtempSync(join(tmpdir(), 'rootstock-'))
  try {
    const board = callbacks.tensorBoard({ logDir, histogramFreq: 1, writeGraph: true, writeImages: true })
    await net.fit(x, y, { epochs: 2, batchSize: 4, validationData: [x, y], callbacks: [board] })
    for (const split of ['train', 'validation'] as const) {
      const [file = ''] = readdirSync(join(logDir, split))
      const found = seriesByTag(readEventFile(join(logDir, split, file)).events)
      expect(Object.fromEntries([...found].map(([tag, { plugin }]) => [tag, plugin]))).toEqual(golden[split].tensors)
      for (const [tag, steps] of Object.entries(golden[split].steps)) expect(found.get(tag)?.steps, tag).toEqual(steps)
    }
  } finally {
    rmSync(logDir, { recursive: true })
    await net.dispose()
  }
})
