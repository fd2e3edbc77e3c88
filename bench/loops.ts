/**
 * @file Our own loops over many numbers, in nanoseconds a number, and what importing the built library takes: `npx tsx bench/loops.ts`.
 * The least of some turns each, which other work on the machine disturbs least.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { preprocessPixels, resize, type Pixels } from '../src/image/index.ts'
import { histogramBuckets } from '../src/formats/tensorboard/index.ts'
import { quantizeWeights } from '../src/graph/passes/quantize-numbers.ts'
import { random, transpose, type Tensor } from '../src/tensor/index.ts'

const TURNS = 8
/** A kernel of InceptionV3. */
const [outgoing, incoming] = [384, 448]
const kernel: Tensor<'float32'> = { data: new Float32Array(outgoing * incoming * 9), shape: [outgoing, incoming, 3, 3], dtype: 'float32' }
random(0).fill(kernel.data, 1)
const dense: Tensor<'float32'> = { data: new Float32Array(2048 * 1024), shape: [2048, 1024], dtype: 'float32' }
random(1).fill(dense.data, 1)
const means = new Float32Array(incoming).fill(0.5)
/** A snapshot, and the photo that becomes of it; numbers are those of the result. */
const snapshot: Pixels = { data: Uint8Array.from({ length: 500 * 375 * 3 }, (_, i) => (i * 7919) % 256), width: 500, height: 375 }
const side = 299
const photo = resize(snapshot, [side, side])
const prepared = new Float32Array(photo.data.length)

const loops: Readonly<Record<string, readonly [numbers: number, work: () => unknown]>> = {
  'random weights': [dense.data.length, () => random(0).fill(dense.data, 1)],
  'axes of a dense kernel turned': [dense.data.length, () => transpose(dense, [1, 0])],
  'axes of a 3×3 kernel turned': [kernel.data.length, () => transpose(kernel, [2, 3, 1, 0])],
  'histogram of a weight': [kernel.data.length, () => histogramBuckets(kernel.data)],
  'nearest pixels': [prepared.length, () => resize(snapshot, [side, side])],
  'bilinear pixels': [prepared.length, () => resize(snapshot, [side, side], { interpolation: 'bilinear' })],
  'lanczos pixels': [prepared.length, () => resize(snapshot, [side, side], { interpolation: 'lanczos' })],
  'bytes to numbers': [prepared.length, () => preprocessPixels(photo, 'tf', prepared)],
  'weights in 8 bits': [kernel.data.length, () => quantizeWeights(kernel, undefined, { scale: 0.02, means, group: 1 })],
}

console.log('| loop | ns a number |\n|---|---|')
for (const [name, [numbers, work]] of Object.entries(loops)) {
  const turns = Array.from({ length: TURNS }, () => {
    const began = performance.now()
    work()
    return performance.now() - began
  })
  console.log(`| ${name} | ${((Math.min(...turns) / numbers) * 1e6).toFixed(1)} |`)
}
const library = fileURLToPath(new URL('../dist/index.js', import.meta.url))
if (existsSync(library)) {
  const imported = `await import(${JSON.stringify(library)}); console.log(performance.now())`
  const milliseconds = Array.from({ length: TURNS }, () =>
    Number(spawnSync(process.execPath, ['--input-type=module', '--eval', imported], { encoding: 'utf8' }).stdout),
  )
  console.log(`\nFrom the start of Node until the library is imported: ${(Math.min(...milliseconds) / 1000).toFixed(2)} s`)
}
