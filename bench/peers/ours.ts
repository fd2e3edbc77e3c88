/** @file Our side of the comparisons, by the public interface alone; told what to do as the Python sides are (`turns.py`). */
import { createInterface } from 'node:readline'
import { noise } from '../noise.ts'
import { rootstock } from './rootstock.ts'
import type { Job } from './rows.ts'

const { applications, optimizers, tensor } = rootstock

type Work = () => Promise<unknown>

const jobs: Readonly<Record<Job['job'], (job: Job) => Promise<Work>>> = { train }

const job = JSON.parse(process.argv[2] ?? '') as Job
const work = await jobs[job.job](job)
await work()
answer({ ready: '' })
for await (const go of createInterface({ input: process.stdin })) {
  if (go !== 'go') continue
  const started = performance.now()
  await work()
  answer({ seconds: (performance.now() - started) / 1000 })
}

function answer(message: unknown): void {
  console.log(JSON.stringify(message))
}

/** One whole training step. */
async function train({ network, photos, frozenBatchNorm = false }: Job): Promise<Work> {
  const net = await applications.application(network, { weights: null })
  if (frozenBatchNorm) for (const layer of net.layers) if (layer.className === 'BatchNormalization') layer.trainable = false
  net.compile({ optimizer: optimizers.sgd({ learningRate: 1e-4, momentum: 0.9 }), loss: 'categoricalCrossentropy' })
  const [, height, width] = net.input.shape as readonly number[]
  const x = noise(photos, [height!, width!])
  const y = tensor(Float32Array.from({ length: photos * 1000 }, (_, i) => (i % 1001 === 0 ? 1 : 0)), [photos, 1000]) // prettier-ignore
  return () => net.trainOnBatch(x, y)
}
