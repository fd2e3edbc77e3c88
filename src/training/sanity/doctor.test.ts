/** @file The doctor in real runs of `fit`: when it speaks, that it speaks once, and that healthy runs hear nothing. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { imageFolder } from '../../data/index.ts'
import { ANIMALS, drawAnimal } from '../../image/index.ts'
import { tensor } from '../../tensor/index.ts'
import type { TrainingEvent } from '../events.ts'
import type { FitOptions } from '../fit.ts'
import type { Model } from '../model.ts'
import { adam, sgd } from '../optimizers/index.ts'
import { oneHot, part, photos, residualNet, smallNet, stream, type Photos } from '../small.cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-sanity-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const data = photos(240)
const train = part(data, 0, 180)
const held = part(data, 180, 240)

function compiled(net: Model, learningRate = 0.01, optimizer = adam): Model {
  net.compile({ optimizer: optimizer({ learningRate }), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  return net
}

/** What was told, as "id" for warnings of the doctor and as the type for all other events. */
async function told(net: Model, options: FitOptions, { x, y }: Pick<Photos, 'x' | 'y'> = train): Promise<string[]> {
  const lines: string[] = []
  const onEvent = (event: TrainingEvent): void => void lines.push(event.type === 'warning' ? (event.id ?? event.message) : event.type)
  await net.fit(x, y, { validationData: [held.x, held.y], ...options, onEvent }).catch(() => lines.push('error'))
  return lines
}

const ids = (lines: readonly string[]): string[] => lines.filter((line) => line.includes('-'))

describe('the sanity doctor', () => {
  it.each([
    ['every layer', smallNet, 0.01],
    ['without batch norm', residualNet, 0.01],
  ])('is silent in a healthy run: %s', async (_, make, rate) => {
    expect(ids(await told(compiled(make(), rate), { epochs: 12 }))).toEqual([])
  })

  it('is silent where a trained network goes on gently, and speaks where it is destroyed', async () => {
    const [gentle, rough] = [smallNet(), smallNet()]
    for (const net of [gentle, rough]) await told(compiled(net, 0.02), { epochs: 15 })
    expect(ids(await told(compiled(gentle, 0.001), { epochs: 3 }))).toEqual([])
    const lines = await told(compiled(rough, 3), { epochs: 3 })
    expect(ids(lines)).toEqual(['learning-rate'])
    // As soon as it can be seen: in the first epoch.
    expect(lines.indexOf('learning-rate')).toBeLessThan(lines.indexOf('epochEnd') + 2)
  })

  it('speaks before NaN', async () => {
    const lines = await told(compiled(residualNet(), 30, sgd), { epochs: 5, batchSize: 8 })
    expect(ids(lines)).toContain('loss-rising')
    if (lines.includes('error')) expect(lines.indexOf('loss-rising')).toBeLessThan(lines.indexOf('error'))
  })

  it('tells pixels of the wrong range before the first step', async () => {
    const net = compiled(smallNet())
    net.preprocessing = 'tf'
    const bytes = tensor(
      train.x.data.map((value) => Math.min(255, Math.max(0, Math.round(128 + 60 * value)))),
      train.x.shape,
    )
    const lines = await told(net, { epochs: 2 }, { ...train, x: bytes })
    expect(ids(lines)[0]).toBe('pixel-range')
    expect(lines.indexOf('pixel-range')).toBeLessThan(lines.indexOf('trainBegin'))
  })

  it('sees the pixels of a stream when they are read, once', async () => {
    const net = compiled(smallNet())
    net.preprocessing = 'tutorial'
    const lines: string[] = []
    const onEvent = (event: TrainingEvent): void => void (event.type === 'warning' && lines.push(event.id ?? ''))
    await net.fit(stream(train, 32), { epochs: 2, onEvent })
    expect(lines).toEqual(['pixel-range'])
  })

  it('tells labels that are all the same, photos in two classes, and photos on both sides', async () => {
    const same = { x: train.x, y: oneHot(train.labels.map(() => 1)) }
    expect(ids(await told(compiled(smallNet()), { epochs: 1 }, same)).slice(0, 2)).toEqual(['one-class', 'few-photos'])
    const width = 8 * 8 * 3
    const copied = { x: tensor(Float32Array.from(train.x.data), train.x.shape), y: train.y }
    const other = train.labels.findIndex((label) => label !== train.labels[0])
    copied.x.data.copyWithin(other * width, 0, width)
    expect(ids(await told(compiled(smallNet()), { epochs: 1 }, copied))).toEqual(['same-pictures'])
    expect(ids(await told(compiled(smallNet()), { epochs: 1, validationData: [train.x, train.y] }))).toEqual(['seen-in-training'])
  })

  it('tells small batches of batch norms, and not of others', async () => {
    expect(ids(await told(compiled(smallNet(), 0.001), { epochs: 1, batchSize: 4 }))).toEqual(['tiny-batches'])
    expect(ids(await told(compiled(residualNet(), 0.001), { epochs: 1, batchSize: 4 }))).toEqual([])
  })

  it('tells a loss that stands still, and answers no better than the largest class', async () => {
    const noise = { x: train.x, y: oneHot(train.labels.map((_, i) => i % 3)) }
    const found = ids(await told(compiled(residualNet(), 1e-7), { epochs: 6 }, noise))
    expect(found).toContain('loss-not-falling')
    expect(new Set(found).size).toBe(found.length)
  })

  it('can be switched off, in part or whole, and knows its checks', async () => {
    expect(ids(await told(compiled(smallNet(), 0.001), { batchSize: 4, sanity: false }))).toEqual([])
    expect(ids(await told(compiled(smallNet(), 0.001), { batchSize: 4, sanity: { ignore: ['tiny-batches'] } }))).toEqual([])
    const wrong = { sanity: { ignore: ['tiny-batch' as 'tiny-batches'] } }
    await expect(compiled(smallNet()).fit(train.x, train.y, wrong)).rejects.toThrow('Unknown sanity check "tiny-batch"')
  })

  it('changes no figure of the run', async () => {
    const run = async (sanity: boolean): Promise<unknown> => {
      const net = compiled(smallNet(), 0.02)
      await net.fit(train.x, train.y, { epochs: 2, sanity: false })
      return (await net.fit(train.x, train.y, { epochs: 3, validationData: [held.x, held.y], sanity, onEvent: () => undefined })).history
    }
    expect(await run(true)).toEqual(await run(false))
  })

  it('does not repeat itself where a run is resumed', async () => {
    const checkpoint = { folder: join(folder, 'last.ckpt') }
    const run = (epochs: number): Promise<string[]> =>
      told(compiled(smallNet(), 0.001), { epochs, batchSize: 4, checkpoint, resume: epochs > 1 })
    expect(ids(await run(1))).toEqual(['tiny-batches'])
    const resumed = await run(2)
    expect(resumed.filter((line) => line === 'epochEnd')).toHaveLength(1)
    expect(ids(resumed)).toEqual([])
  })

  it('speaks through Node where nobody listens', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    await compiled(smallNet(), 0.001).fit(train.x, train.y, { batchSize: 4 })
    expect(emitWarning.mock.calls).toEqual([[expect.stringMatching(/^Batch norms train on 4/), 'RootstockWarning', 'tiny-batches']])
    emitWarning.mockRestore()
  })

  it('sees photos of a folder: copies by content, whatever their names', async () => {
    for (const [i, kind] of ANIMALS.entries()) {
      mkdirSync(join(folder, 'photos', kind), { recursive: true })
      for (let n = 0; n < 12; n++) writeFileSync(join(folder, 'photos', kind, `${n}.jpg`), await drawAnimal(kind, n, 32))
      if (i > 0) writeFileSync(join(folder, 'photos', kind, 'other name.jpg'), await drawAnimal(ANIMALS[0]!, 3, 32))
    }
    const { dense, flatten, input } = await import('../../layers/index.ts')
    const { model } = await import('../model.ts')
    const photo = input({ shape: [32, 32, 3] })
    const net = compiled(model({ inputs: photo, outputs: dense({ units: 2, activation: 'softmax' })(flatten({})(photo)) }), 1e-4)
    const messages: string[] = []
    const onEvent = (event: TrainingEvent): void => void (event.type === 'warning' && messages.push(event.message))
    await net.fit(imageFolder(join(folder, 'photos'), { preprocessing: 'tf' }), { onEvent, featureStore: false })
    expect(messages).toEqual([
      expect.stringMatching(/^1 photo is in more than one class: .*3\.jpg is in cat, and .*other name\.jpg, .* in dog\. Delete/),
    ])
  })
})
