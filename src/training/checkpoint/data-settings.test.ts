/** @file A run goes on only with the data that it had: tensors by their bytes, photos by content, names, labels and the way they are read. */
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { imageFolder, type ImageFolderOptions } from '../../data/index.ts'
import { random, type Tensor } from '../../tensor/index.ts'
import type { Model } from '../model.ts'
import { part, photos, residualNet } from '../small.cases.ts'

const scratch = mkdtempSync(join(tmpdir(), 'rootstock-other-data-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let folders = 0
const fresh = (): string => join(scratch, String(folders++))

function make(): Model {
  const net = residualNet()
  for (const name of ['first', 'second']) net.getLayer(name).trainable = false
  net.compile({ loss: 'categoricalCrossentropy', optimizer: 'sgd' })
  return net
}

const all = photos(24)
const training = part(all, 0, 16)
const validationData = [part(all, 16, 24).x, part(all, 16, 24).y] as const

const changed = <T extends Tensor<'float32'>>(tensor: T): T => ({
  ...tensor,
  data: tensor.data.map((value, i) => (i === 5 ? 1 - value : value)),
})

it.each([
  ['photo', { ...training, x: changed(training.x) }, validationData, /x of the training data was "\w+", is "\w+"$/],
  ['label', { ...training, y: changed(training.y) }, validationData, /y of the training data was "\w+", is "\w+"$/],
  ['held-out photo', training, [changed(validationData[0]), validationData[1]] as const, /x of the validation data was/],
])('refuses tensors with another %s', async (_, { x, y }, held, says) => {
  const checkpoint = { folder: fresh() }
  await make().fit(training.x, training.y, { epochs: 1, validationData, checkpoint })
  const resumed = { epochs: 2, checkpoint, resume: true }
  await expect(make().fit(x, y, { ...resumed, validationData: held })).rejects.toThrow(says)
  await make().fit(training.x, training.y, { ...resumed, validationData })
})

const original = join(scratch, 'photos')
beforeAll(async () => {
  for (const label of ['a', 'b', 'c']) {
    mkdirSync(join(original, label), { recursive: true })
    for (let i = 0; i < 4; i++) await draw(join(original, label, `${i}.png`))
  }
})

async function draw(path: string): Promise<void> {
  const rng = random(path)
  const bytes = Uint8Array.from({ length: 8 * 8 * 3 }, () => rng.integer(256))
  await sharp(bytes, { raw: { width: 8, height: 8, channels: 3 } }).toFile(path)
}

function swap(folder: string, one: string, other: string): void {
  renameSync(join(folder, one), join(folder, 'kept'))
  renameSync(join(folder, other), join(folder, one))
  renameSync(join(folder, 'kept'), join(folder, other))
}

const nothing = (): void => undefined

it.each<[string, (folder: string) => unknown, ImageFolderOptions, RegExp]>([
  ['a photo replaced', (folder) => draw(join(folder, 'b', '2.png')), {}, /content of the training data was/],
  ['a photo renamed', (folder) => renameSync(join(folder, 'b', '3.png'), join(folder, 'b', '4.png')), {}, /names of the training data was/],
  ['two labels swapped', (folder) => swap(folder, 'a/1.png', 'b/1.png'), {}, /content of the training data was/],
  ['a photo moved', (folder) => renameSync(join(folder, 'a', '3.png'), join(folder, 'b', '4.png')), {}, /labels of the training data was/],
  ['classes in another order', nothing, { classNames: ['b', 'a', 'c'] }, /classNames of the training data was \["a","b","c"\], is \["b"/],
  ['another interpolation', nothing, { interpolation: 'bilinear' }, /interpolation of the training data was "nearest", is "bilinear"$/],
  ['other preprocessing', nothing, { preprocessing: 'caffe' }, /preprocessing of the training data was "tf", is "caffe"$/],
  ['cameras not turned', nothing, { exif: 'ignore' }, /exif of the training data was "apply", is "ignore"$/],
])('refuses a folder with %s; it may lie elsewhere', async (_, change, options, says) => {
  const open = (path: string, more: ImageFolderOptions = {}) => imageFolder(path, { targetSize: [8, 8], preprocessing: 'tf', ...more })
  const kept = { checkpoint: { folder: fresh() }, featureStore: false }
  await make().fit(open(original), { ...kept, epochs: 1 })
  const moved = fresh()
  cpSync(original, moved, { recursive: true })
  await make().fit(open(moved), { ...kept, epochs: 2, resume: true })
  await change(moved)
  await expect(make().fit(open(moved, options), { ...kept, epochs: 3, resume: true })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(says) as string,
  })
})
