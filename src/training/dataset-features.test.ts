/** @file The feature store as training uses it: what is computed again, and what happens where there is no room for it. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest'
import { imageFolder } from '../data/index.ts'
import { random } from '../tensor/index.ts'
import type { TrainingEvent } from './events.ts'
import { sgd } from './optimizers/index.ts'
import { residualNet, weightsOf } from './small.cases.ts'

const scratch = mkdtempSync(join(tmpdir(), 'rootstock-passes-'))
const disk = join(scratch, 'disk')
mkdirSync(disk)
const problem = process.getuid?.() === 0 ? mounted('size=160k') : 'needs root, who may mount a small disk'
afterAll(() => {
  if (problem === undefined) execFileSync('umount', [disk])
  rmSync(scratch, { recursive: true, force: true })
})

/** Mounts a small disk, or says why it cannot. */
function mounted(options: string): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'needs the right to mount a small disk'
  }
}

let photos = ''
let drawn = 0
beforeEach(async () => {
  photos = mkdtempSync(join(scratch, 'photos-'))
  vi.stubEnv('ROOTSTOCK_CACHE', mkdtempSync(join(scratch, 'cache-')))
  for (const name of ['a', 'b', 'c']) mkdirSync(join(photos, name))
  for (let i = 0; i < 30; i++) await draw(`${i}`)
})
afterEach(() => vi.unstubAllEnvs())

/** A photo that was not there before, in the class of its number. */
async function draw(name: string): Promise<void> {
  const rng = random(`pass/${drawn++}`)
  const bytes = Uint8Array.from({ length: 8 * 8 * 3 }, () => rng.integer(256))
  const png = await sharp(bytes, { raw: { width: 8, height: 8, channels: 3 } })
    .png()
    .toBuffer()
  writeFileSync(join(photos, 'abc'[Number(name) % 3] ?? 'a', `${name}.png`), png)
}

interface Pass {
  /** Photos whose features were computed. */
  readonly computed: number
  readonly total: number
  readonly warnings: readonly string[]
  readonly weights: Record<string, number[]>
}

/** Trains a head for an epoch, and validates on the same photos. */
async function trained(): Promise<Pass> {
  const net = residualNet()
  for (const name of ['first', 'second']) net.getLayer(name).trainable = false
  net.compile({ optimizer: sgd({ learningRate: 0.05 }), loss: 'categoricalCrossentropy' })
  const events: TrainingEvent[] = []
  const data = imageFolder(photos, { targetSize: [8, 8], preprocessing: 'tf' })
  await net.fit(data, { batchSize: 8, validationData: data, onEvent: (event) => events.push(event) })
  const last = events.filter((event) => event.type === 'featuresProgress' && event.split === 'train').at(-1)
  if (last?.type !== 'featuresProgress') throw new Error('expected a pass over the photos')
  const warnings = events.flatMap((event) => (event.type === 'warning' && event.by === 'featureStore' ? [event.message] : []))
  return { computed: last.total - (last.stored ?? 0), total: last.total, warnings, weights: await weightsOf(net) }
}

it('computes what was added, and nothing twice', async () => {
  expect(await trained()).toMatchObject({ computed: 30, total: 30, warnings: [] })
  expect(await trained()).toMatchObject({ computed: 0, total: 30 })
  for (let i = 30; i < 40; i++) await draw(`${i}`)
  expect(await trained()).toMatchObject({ computed: 10, total: 40 })
})

it('computes a photo again that has other content under its name', async () => {
  const before = await trained()
  await draw('7')
  const after = await trained()
  expect(after).toMatchObject({ computed: 1, total: 30 })
  expect(after.weights).not.toEqual(before.weights)
})

it('refuses features that float16 cannot hold, before anything trains on them', async () => {
  const net = residualNet()
  for (const name of ['first', 'second']) net.getLayer(name).trainable = false
  const kernel = net.getLayer('first').weights[0]!
  kernel.assign(kernel.value().data.map((value) => value * 1e6))
  net.compile({ loss: 'categoricalCrossentropy' })
  const data = imageFolder(photos, { targetSize: [8, 8], preprocessing: 'tf' })
  await expect(net.fit(data, { featureStore: 'float16' })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(/^Cannot keep features in float16: found -?\d+.*, expected numbers up to 65504$/) as string,
  })
})

it('goes on without a store that cannot be made, and says so once', async () => {
  const usual = await trained()
  writeFileSync(join(scratch, 'taken'), '')
  vi.stubEnv('ROOTSTOCK_CACHE', join(scratch, 'taken'))
  const without = await trained()
  expect(without.warnings).toEqual([expect.stringMatching(/^Going on without the feature store: Cannot open the feature store .*taken/)])
  expect(without.computed).toBe(30)
  expect(without.weights).toEqual(usual.weights)
})

it('removes a store that was cut off, says so once, and fills it again', async () => {
  const cache = process.env['ROOTSTOCK_CACHE'] ?? ''
  const usual = await trained()
  truncateSync(join(cache, 'features', 'features.lmdb'), 20_000)
  const again = await trained()
  expect(again.warnings).toEqual([expect.stringMatching(/^The feature store .* was damaged \(it ends after 20000 of .* and is removed/)])
  expect(again).toMatchObject({ computed: 30, weights: usual.weights })
  expect(await trained()).toMatchObject({ computed: 0, warnings: [] })
})

it.skipIf(problem !== undefined)(`goes on where the disk fills or cannot be written (${problem ?? 'a disk of 160 kB'})`, async () => {
  const usual = await trained()
  vi.stubEnv('ROOTSTOCK_CACHE', disk)
  for (let i = 30; i < 400; i++) await draw(`${i}`)
  const full = await trained()
  expect(full.warnings).toEqual([expect.stringMatching(/^Going on without the feature store: Cannot store features in .*disk/)])
  expect(full.computed).toBe(400)
  for (let i = 30; i < 400; i++) rmSync(join(photos, 'abc'[i % 3] ?? 'a', `${i}.png`))
  execFileSync('mount', ['-o', 'remount,ro', disk])
  const readOnly = await trained()
  expect(readOnly.warnings).toEqual([expect.stringMatching(/^Going on without the feature store: .*(read-only|EROFS)/i)])
  expect(readOnly.weights).toEqual(usual.weights)
})
