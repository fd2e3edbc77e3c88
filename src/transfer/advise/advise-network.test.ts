/** @file The advice on drawn photos: what is compared, what is not and why, and that a training finds the features. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { application, embeddedNetwork } from '../../applications/index.ts'
import { ANIMALS, drawAnimal } from '../../image/index.ts'
import type { TrainingEvent } from '../../training/index.ts'
import { trainClassifier } from '../train-classifier.ts'
import { adviseNetwork } from './advise-network.ts'
import type { AdviseEvent } from './options.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-advise-'))
const photos = join(folder, 'photos')

beforeAll(async () => {
  for (const [name, value] of Object.entries({ ROOTSTOCK_OFFLINE: '1', ROOTSTOCK_HOME: folder, ROOTSTOCK_WEIGHTS: '' }))
    vi.stubEnv(name, value)
  vi.stubEnv('ROOTSTOCK_CACHE', join(folder, 'cache'))
  for (const kind of ANIMALS) {
    mkdirSync(join(photos, kind), { recursive: true })
    for (let i = 0; i < 40; i++) writeFileSync(join(photos, kind, `${i}.jpg`), await drawAnimal(kind, i, 48))
    copyFileSync(join(photos, kind, '0.jpg'), join(photos, kind, 'copy.jpg'))
  }
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const duplicates = 'exact'

describe('adviseNetwork', () => {
  it('compares what is there, says what is not, and keeps features that the training with its settings begins from', async () => {
    const events: AdviseEvent[] = []
    const advice = await adviseNetwork(photos, { duplicates, onEvent: (event) => events.push(event) })
    expect(advice.networks.map(({ name }) => name)).toEqual([`mobilenet ${embeddedNetwork.alpha}, embedded`])
    expect(advice.missing.map(({ name }) => name)).toContain('resnet50')
    expect(advice).toMatchObject({
      classes: ['cat', 'dog'],
      folds: 5,
      command: `rootstock train ${photos} --weights embedded --duplicates exact`,
    })
    const { take } = advice
    expect(take?.accuracy).toBeGreaterThan(0.7)
    expect(take?.interval[0]).toBeLessThan(take!.accuracy)
    expect(take?.millisecondsPerPhoto).toBeGreaterThan(0)
    expect(take?.features).toBe(1024 * embeddedNetwork.alpha)
    const computed = events.filter((event) => event.type === 'features').at(-1)
    expect(computed).toMatchObject({ done: advice.photos, total: advice.photos, stored: 0 })

    const passes: Extract<TrainingEvent, { type: 'featuresProgress' }>[] = []
    const onEvent = (event: TrainingEvent): void => void (event.type === 'featuresProgress' && passes.push(event))
    const settings = { ...take!.settings, duplicates, epochs: 1, plots: false, out: join(folder, 'run') } as const
    const classifier = await trainClassifier(photos, { ...settings, onEvent })
    await classifier.dispose()
    const learned = passes.filter(({ split }) => split !== 'test')
    expect(new Set(learned.map(({ split }) => split))).toEqual(new Set(['train', 'validation']))
    for (const { stored, done } of learned) expect(stored).toBe(done)
    const { train, validation } = classifier.report!.images
    expect(train + validation).toBe(advice.photos)
  })

  it('computes no photo again, and samples large folders', async () => {
    const events: AdviseEvent[] = []
    const advice = await adviseNetwork(photos, { duplicates, photos: 30, folds: 3, onEvent: (event) => events.push(event) })
    expect(advice.photos).toBe(30)
    expect(events.filter((event) => event.type === 'features').at(-1)).toMatchObject({ done: 30, stored: 30 })
    expect(events.filter((event) => event.type === 'probe').map(({ done }) => done)).toEqual([1, 2, 3])
  })

  it('finds the width of a given mobilenet, and compares it with the others', async () => {
    const file = join(folder, 'own.weights.h5')
    const own = await application('mobilenet', { alpha: 0.25, weights: null, includeTop: false, inputShape: [224, 224, 3] })
    await own.saveWeights(file)
    const advice = await adviseNetwork(photos, { duplicates, photos: 20, weights: { MobileNet: file } })
    expect(advice.networks.map(({ settings }) => settings)).toContainEqual({ network: 'mobilenet', alpha: 0.25, weights: file, size: 224 })
    expect(advice.missing.map(({ name }) => name)).not.toContain('mobilenet 0.25')
  })

  it('says once that features cannot be kept, whatever number of passes find it so', async () => {
    writeFileSync(join(folder, 'taken'), '')
    vi.stubEnv('ROOTSTOCK_CACHE', join(folder, 'taken'))
    const warnings: string[] = []
    const onEvent = (event: AdviseEvent): void => void (event.type === 'warning' && warnings.push(event.message))
    await adviseNetwork(photos, { duplicates, photos: 20, onEvent }).finally(() => vi.stubEnv('ROOTSTOCK_CACHE', join(folder, 'cache')))
    expect(warnings).toEqual([expect.stringMatching(/^Going on without the feature store: .*taken/)])
  })

  it('lists a named network that cannot be fetched with the reason', async () => {
    const { missing } = await adviseNetwork(photos, { duplicates, photos: 20, networks: ['vgg16'] })
    expect(missing).toEqual([{ name: 'vgg16', reason: expect.stringMatching(/not in the cache, and ROOTSTOCK_OFFLINE/) as string }])
  })

  it.each([
    [{ photos: 3 }, 'USAGE', /Invalid photos: found 3/],
    [{ folds: 1 }, 'USAGE', /Invalid folds: found 1/],
    [{ networks: ['resnet5'] }, 'UNKNOWN_NAME', /Unknown network "resnet5"/],
    [{ weights: { vgg: 'x.h5' } }, 'UNKNOWN_NAME', /Unknown network "vgg"/],
    [{ weights: { mobilenet: 'none.h5' } }, 'FILE', /none\.h5/],
    [{ alphas: [0.3] }, 'USAGE', /alpha is 0\.3/],
  ])('refuses %j', async (options, code, message) => {
    await expect(adviseNetwork(photos, options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  it('ends where it is told to', async () => {
    const control = new AbortController()
    const onEvent = (event: AdviseEvent): void => void (event.type === 'network' && control.abort(new Error('enough')))
    await expect(adviseNetwork(photos, { duplicates, signal: control.signal, onEvent })).rejects.toThrow()
    expect(existsSync(join(folder, 'cache'))).toBe(true)
  })
})
