/** @file A training process for inject-faults.ts: goes on in a folder for one step, which ends in one checkpoint; or to the end. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { dense, dropout, input } from '../src/layers/index.ts'
import { model, optimizers, type Model, type TrainingEvent } from '../src/training/index.ts'

const samples = 24
const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898))
const x = { data: numbers(samples * 40), shape: [samples, 40], dtype: 'float32' } as const
const y = {
  data: Float32Array.from({ length: samples * 2 }, (_, i) => (i % 2 === (i >> 2) % 2 ? 1 : 0)),
  shape: [samples, 2],
  dtype: 'float32',
} as const

/** Trains in `folder`; stops after `batches` steps, if given, with a checkpoint. */
export async function trainIn(folder: string, batches = Infinity): Promise<Model> {
  const features = input({ shape: [40] })
  const hidden = dropout({ rate: 0.4, name: 'drop' })(dense({ units: 400, activation: 'relu', name: 'hidden' })(features))
  const net = model({ inputs: features, outputs: dense({ units: 2, activation: 'softmax', name: 'head' })(hidden) })
  net.compile({ optimizer: optimizers.adam(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const controller = new AbortController()
  let left = batches
  const onEvent = ({ type }: TrainingEvent): void => {
    if (type === 'batchEnd' && --left === 0) controller.abort()
  }
  const checkpoint = { folder: join(folder, 'last.ckpt') }
  await net.fit(x, y, { epochs: 3, batchSize: 8, checkpoint, resume: true, signal: controller.signal, onEvent })
  return net
}

const [command, folder] = process.argv.slice(2)
if (command === '--one-step' && folder !== undefined) {
  // Everything that is loaded on first use is loaded before the faults begin.
  const warm = join(folder, 'warm')
  await trainIn(warm, 1)
  rmSync(warm, { recursive: true })
  process.stdout.write('ready\n')
  await new Promise((resolve) => process.stdin.once('data', resolve))
  await trainIn(folder, 1).catch((error: unknown) => {
    process.stdout.write(`${String(error)}\n`)
    process.exit(1)
  })
  process.exit(0)
}
