/**
 * @file What the shipped network's features are worth: npx tsx scripts/evaluate-embedded.ts [--weights FILE --alpha WIDTH] [--size PIXELS] [--splits N] [--only].
 *
 * A linear head on frozen pooled features, on photos that were never trained on: cats and dogs (300 to learn from, 200 for the test) and five
 * flowers (100 and 50), random splits; beside it the released MobileNet 0.25 and random weights by the same probe.
 */
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { application, embeddedNetwork } from '../src/applications/index.ts'
import { imgToArray, loadPixels, orient, preprocess } from '../src/image/index.ts'
import { setRandomSeed } from '../src/layers/index.ts'
import { random, stack } from '../src/tensor/index.ts'
import type { Model } from '../src/training/index.ts'
import { probeSplits } from '../src/transfer/probe/linear-probe.ts'
import { evaluationFolders, materialFiles } from './embedded/folders.ts'

const { values: flags } = parseArgs({
  options: {
    weights: { type: 'string', default: 'embedded' },
    /** Width of the network in the file. Default that of the one in the package. */
    alpha: { type: 'string', default: String(embeddedNetwork.alpha) },
    /** Without the released and the random weights beside it. */
    only: { type: 'boolean', default: false },
    /** Height and width of the pictures. Default those that the file was trained on. */
    size: { type: 'string', default: String(embeddedNetwork.size) },
    /** Random splits of the photos. The mean of five is off by three points or more one time in three where 50 photos are the test. */
    splits: { type: 'string', default: '20' },
  },
})
const count = Number(flags.splits)
if (!(Number.isInteger(count) && count >= 2))
  throw new Error(`Invalid --splits: found ${flags.splits}, expected a whole number of at least 2`)
const alpha = Number(flags.alpha)
const size = Number(flags.size)

interface Photo {
  readonly path: string
  readonly label: number
}

/** The class is the folder, or what stands before the first dot of the name. */
function photosOf(folder: string): Photo[] {
  const paths = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => /\.jpe?g$/i.test(name))
    .sort()
  const classOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] ?? '') : (basename(path).split('.')[0] ?? ''))
  const names = [...new Set(paths.map(classOf))].sort()
  return paths.map((path) => ({ path: join(folder, path), label: names.indexOf(classOf(path)) }))
}

/** EXIF's number for left and right exchanged. */
const MIRRORED = 2

/** Of each photo, and the mean of the photo's and its mirror image's, which shows the same thing. */
interface Features {
  readonly plain: readonly Float32Array[]
  readonly mirrored: readonly Float32Array[]
}

async function featuresOf(net: Model, photos: readonly Photo[], side: number): Promise<Features> {
  const plain: Float32Array[] = []
  const mirrored: Float32Array[] = []
  for (const { path } of photos) {
    const photo = await loadPixels(path, { targetSize: [side, side], interpolation: 'bilinear' })
    const both = [photo, orient(photo, MIRRORED)].map((pixels) => preprocess(imgToArray(pixels), 'tf'))
    const { data } = await net.predict(stack(both))
    const [own, other] = [data.slice(0, data.length / 2), data.slice(data.length / 2)]
    plain.push(own)
    mirrored.push(own.map((value, i) => (value + other[i]!) / 2))
  }
  return { plain, mirrored }
}

const bare = { includeTop: false, pooling: 'avg' } as const
setRandomSeed(0)
const own = await application('mobilenet', { ...bare, alpha, weights: flags.weights, inputShape: [size, size, 3] })
const untrained = await application('mobilenet', { ...bare, alpha, weights: null, inputShape: [size, size, 3] })
const released = existsSync(materialFiles.teacherBody)
  ? await application('mobilenet', { ...bare, alpha: 0.25, weights: materialFiles.teacherBody, inputShape: [224, 224, 3] })
  : undefined
const networks: readonly (readonly [title: string, net: Model, size: number])[] = [
  [`embedded, ${alpha}, ${size} px`, own, size],
  ...(flags.only ? [] : [[`random, ${alpha}, ${size} px`, untrained, size] as const]),
  ...(released && !flags.only ? [['released, 0.25, 224 px', released, 224] as const] : []),
]

/** Mean, deviation of a sample (divided by splits − 1), and each figure. */
function show(accuracies: readonly number[]): string {
  const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length
  const deviation = Math.sqrt(accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (accuracies.length - 1))
  const percent = (share: number): string => (100 * share).toFixed(1)
  return `${percent(mean)} % ± ${percent(deviation)} (${accuracies.map(percent).join(', ')})`
}

/** Every class has the same share of test photos. */
function splitAt(labels: readonly number[], share: number, seed: string): { train: number[]; test: number[] } {
  const rng = random(seed)
  const order = labels.map((label, i) => ({ i, label, key: rng.uniform() })).sort((a, b) => a.key - b.key)
  const test = [...new Set(labels)].flatMap((label) => {
    const own = order.filter((sample) => sample.label === label)
    return own.slice(0, Math.round(own.length * share))
  })
  const isTest = new Set(test.map(({ i }) => i))
  return { train: order.flatMap(({ i }) => (isTest.has(i) ? [] : [i])), test: [...isTest] }
}

for (const [name, folder, tests] of [
  ['cats-dogs', evaluationFolders['cats-dogs'], 200],
  ['flowers', evaluationFolders.flowers, 50],
] as const) {
  const photos = photosOf(folder)
  console.log(`${name}: ${photos.length - tests} photos to learn from, ${tests} for the test, ${count} random splits`)
  for (const [title, net, side] of networks) {
    const { plain, mirrored } = await featuresOf(net, photos, side)
    const labels = photos.map(({ label }) => label)
    const splits = Array.from({ length: count }, (_, split) => splitAt(labels, tests / labels.length, `probe/${split}`))
    console.log(`  ${title.padEnd(26)} ${show(await probeSplits({ features: plain, labels }, splits))}`)
    console.log(`  ${'with the mirror image'.padStart(26)} ${show(await probeSplits({ features: mirrored, labels }, splits))}`)
  }
}
