/** @file The sanity doctor in `trainClassifier`: what only the whole split shows, each finding once, and silence over healthy runs. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { ANIMALS, drawAnimal } from '../image/index.ts'
import type { TrainingEvent } from '../training/index.ts'
import type { TrainClassifierOptions } from './options.ts'
import { trainClassifier } from './train-classifier.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-sane-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** `count` drawings of each animal, the numbers from `from` on. */
async function draw(path: string, count: number, from = 0): Promise<string> {
  for (const kind of ANIMALS) {
    mkdirSync(join(path, kind), { recursive: true })
    for (let i = from; i < from + count; i++) writeFileSync(join(path, kind, `${i}.jpg`), await drawAnimal(kind, i, 96))
  }
  return path
}

const quick = { weights: 'embedded', head: 'none', epochs: 1, plots: false, duplicates: 'exact', featureStore: false } as const
let runs = 0

async function warnings(photos: string, options: TrainClassifierOptions = {}): Promise<Extract<TrainingEvent, { type: 'warning' }>[]> {
  const told: Extract<TrainingEvent, { type: 'warning' }>[] = []
  const onEvent = (event: TrainingEvent): void => void (event.type === 'warning' && told.push(event))
  const out = join(folder, `run-${runs++}`)
  await (await trainClassifier(photos, { ...quick, out, ...options, onEvent })).dispose()
  return told
}

const ids = (told: readonly { readonly id?: string }[]): unknown[] => told.map(({ id }) => id)

describe('the sanity doctor of trainClassifier', () => {
  it('is silent over a healthy run of two stages', async () => {
    const photos = await draw(join(folder, 'healthy'), 60)
    expect(await warnings(photos, { recipe: 'fine-tune', epochs: 4 })).toEqual([])
  })

  it('tells a finding once, however many stages there are, and keeps it in log.txt', async () => {
    const photos = await draw(join(folder, 'few'), 10)
    const told = await warnings(photos, { recipe: 'fine-tune', preprocessing: 'tutorial', out: join(folder, 'logged') })
    expect(ids(told)).toEqual(['pixel-range', 'few-photos'])
    expect(told[0]).toMatchObject({ by: 'sanity', remedy: 'Leave preprocessing out' })
    const log = readFileSync(join(folder, 'logged', 'log.txt'), 'utf8')
    expect(log.match(/warning from sanity \((pixel-range|few-photos)\): /g)).toHaveLength(2)
  })

  it('finds a resized copy under another class', async () => {
    const photos = await draw(join(folder, 'twins'), 20)
    const small = await sharp(join(photos, 'cat', '4.jpg'))
      .resize(80, 80)
      .jpeg({ quality: 70 })
      .toBuffer()
    writeFileSync(join(photos, 'dog', 'whiskers.jpg'), small)
    // Drawings are near copies of each other to the eye of the default, so that more than one is told.
    const told = await warnings(photos, { duplicates: 'near' })
    expect(told.find(({ id }) => id === 'same-pictures')?.message).toMatch(/in more than one class: .* is in cat, and .* in dog/)
  })

  it('finds test photos that are trained with', async () => {
    const photos = join(folder, 'leaking')
    await draw(join(photos, 'train'), 20)
    await draw(join(photos, 'validation'), 6, 200)
    await draw(join(photos, 'test'), 6, 100)
    copyFileSync(join(photos, 'train', 'cat', '7.jpg'), join(photos, 'test', 'cat', 'renamed.jpg'))
    const told = await warnings(photos)
    expect(ids(told)).toEqual(['seen-in-training'])
    expect(told[0]?.message).toMatch(/^1 photo is in training and in test: .*7\.jpg and .*renamed\.jpg; the accuracy on test looks better/)
    expect(await warnings(photos, { leaks: 'move' })).toEqual([])
  })

  it('speaks through Node where nobody listens', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    await (await trainClassifier(join(folder, 'few'), { ...quick, out: join(folder, 'unheard') })).dispose()
    expect(emitWarning.mock.calls.map((given: readonly unknown[]) => given[2])).toEqual(['few-photos'])
    emitWarning.mockRestore()
  })

  it('can be switched off', async () => {
    const few = join(folder, 'few')
    expect(await warnings(few, { preprocessing: 'tutorial', sanity: false })).toEqual([])
    expect(ids(await warnings(few, { preprocessing: 'tutorial', sanity: { ignore: ['few-photos'] } }))).toEqual(['pixel-range'])
  })
})

const material = new URL('../../../shared/data/photos/', import.meta.url).pathname

describe.skipIf(!existsSync(material))('the sanity doctor over real photos (needs ../shared/data/photos)', () => {
  it.each(['cats-dogs', 'flowers'])('gives no false alarm: %s', async (name) => {
    expect(await warnings(join(material, name), { recipe: 'fine-tune', epochs: 4, head: 64, duplicates: 'near' })).toEqual([])
  })

  it('speaks where the same photos are fine-tuned at a hundred times the rate', async () => {
    const told = await warnings(join(material, 'flowers'), {
      recipe: 'fine-tune',
      unfreezeFrom: 'conv_pw_6',
      learningRate: 0.03,
      epochs: 3,
    })
    expect(ids(told)).toContain('learning-rate')
  })
})
