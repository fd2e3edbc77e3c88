/** @file What a run leaves for people: every file, and class names that try to be more than names. */
import { mkdir, mkdtemp, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { splitOf } from '../data/index.ts'
import { ANIMALS, drawAnimal, randomFlip } from '../image/index.ts'
import { optimizers, type TrainingEvent } from '../training/index.ts'
import type { PhotoReading } from './classifier.ts'
import { buildClassifierModel, freezeUpTo } from './classifier-model.ts'
import type { TrainReport } from './options.ts'
import { commandLine, configYaml } from './report/config-yaml.ts'
import { openRunLog } from './report/run-log.ts'
import { writeRunReport, type FinishedRun } from './run-report.ts'

const hostile = ['<img src=x onerror=alert(1)>', '=cmd|calc']
const reading: PhotoReading = { size: 32, preprocessing: 'tf', interpolation: 'bilinear', exif: 'apply' }
const settings = { network: 'mobilenet', alpha: 0.25, size: 32, head: 'none', weights: 'none', patience: null, plots: true, batchSize: 8 }

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rootstock-report-'))
  for (const [i, kind] of ANIMALS.entries()) {
    const photos = join(folder, 'photos', hostile[i] ?? kind)
    await mkdir(photos, { recursive: true })
    for (let n = 0; n < 14; n++) await writeFile(join(photos, `${n}.jpg`), await drawAnimal(kind, n, 48))
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Trains one epoch and reports it into runs/`name`; returns the run's folder and what was told. */
async function reported(name: string, changes: Partial<FinishedRun> = {}): Promise<{ run: string; events: TrainingEvent[] }> {
  const run = join(folder, 'runs', name)
  await mkdir(run, { recursive: true })
  const photos = join(folder, 'photos')
  const split = await splitOf(photos, { validation: 0.25, test: 0.25, duplicates: 'exact', folder: { interpolation: 'bilinear' } })
  const { net, base } = await buildClassifierModel(
    { network: 'mobilenet', alpha: 0.25, size: 32, head: 'none', classes: split.classNames },
    null,
  )
  freezeUpTo(base, undefined, false)
  net.compile({ optimizer: optimizers.adam(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const events: TrainingEvent[] = []
  const log = openRunLog(run, () => undefined)
  const emit = (event: TrainingEvent): void => {
    events.push(event)
    log.see(event)
  }
  const fitted = await net.fit(split.train, {
    epochs: 1,
    validationData: split.validation,
    featureStore: false,
    sanity: false,
    onEvent: emit,
  })
  const history = Object.fromEntries(Object.entries(fitted.history))
  const report: Omit<TrainReport, 'test'> = {
    run,
    classes: split.classNames,
    network: 'mobilenet',
    images: { train: split.train.size, validation: split.validation.size, test: split.test.size },
    epochs: 1,
    best: { epoch: 1, valLoss: history['val_loss']?.[0] ?? 0, valAccuracy: history['val_accuracy']?.[0] ?? 0 },
    seconds: { total: 1, features: 0.5, fit: 0.5 },
    imagesPerSecond: 10,
    unusable: [{ path: '"><script>alert(2)</script>.jpg', reason: 'it is no picture' }],
  }
  const finished = { run, folder: photos, model: net, reading, split, settings, seed: 0, history, report, log, emit, featureStore: false }
  await writeRunReport({ ...finished, ...changes })
  await net.dispose()
  return { run, events }
}

const text = (run: string, name: string): Promise<string> => readFile(join(run, name), 'utf8')

describe('writeRunReport', () => {
  let run = ''
  let events: TrainingEvent[] = []
  beforeAll(async () => {
    const view = { augmentation: randomFlip({ mode: 'horizontal' }), seed: 0, index: 0 }
    ;({ run, events } = await reported('pets', { view }))
  })

  it('writes every file, and nothing is told as a fault', async () => {
    expect((await readdir(run)).sort()).toEqual([
      'README.md',
      'config.yaml',
      'confusion_matrix.png',
      'confusion_matrix.svg',
      'confusion_matrix_normalized.png',
      'confusion_matrix_normalized.svg',
      'log.txt',
      'report.html',
      'results.csv',
      'results.png',
      'results.svg',
      'split.json',
      'train_batch.png',
      'val_predictions.png',
    ])
    expect(events.filter(({ type }) => type === 'warning')).toEqual([])
  })

  it('writes pictures that open', async () => {
    for (const name of (await readdir(run)).filter((file) => file.endsWith('.png'))) {
      const { width = 0, height = 0 } = await sharp(join(run, name)).metadata()
      expect(Math.min(width, height), name).toBeGreaterThan(100)
    }
    for (const name of ['results', 'confusion_matrix']) expect(await text(run, `${name}.svg`)).toMatch(/^<svg xmlns.*<\/svg>\n$/s)
  })

  it('gives the accuracy of the confusion matrix to the page and the card', async () => {
    const svg = await text(run, 'confusion_matrix.svg')
    const [, right, all] = /(\d+) of (\d+) right/.exec(svg) ?? []
    expect(Number(all)).toBeGreaterThan(2)
    const share = `${((Number(right) / Number(all)) * 100).toFixed(1)} %`
    expect(await text(run, 'README.md')).toContain(`**${share} (`)
    expect(await text(run, 'report.html')).toContain(`${share} (`)
  })

  it('lets no class name, path or reason become markup', async () => {
    const html = await text(run, 'report.html')
    expect(html).toContain('default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; img-src data:;')
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;')
    expect(html.match(/<(script|img(?! src="data:image\/jpeg;base64,)|iframe|link|a )/g)).toBeNull()
    for (const name of ['confusion_matrix.svg', 'results.svg'])
      expect(await text(run, name)).not.toMatch(/<(img|script|image|foreignObject)/)
    const card = await text(run, 'README.md')
    expect(card).toContain('\\<img src=x onerror=alert(1)\\>')
    expect(card.replaceAll('\\<', '')).not.toContain('<img')
    expect(card).toContain('=cmd\\|calc')
    expect(await text(run, 'results.csv')).not.toMatch(/^[=+@]|,[=+@]/m)
  })

  it('names a folder so that it is not taken for a flag', () => {
    expect(commandLine('-photos', { epochs: 2 })).toBe('rootstock train ./-photos --epochs 2')
  })

  it.each([
    [true, 'float32'],
    [false, 'none'],
    ['float16', 'float16'],
  ])('says featureStore %s as the flag does', (featureStore, word) => {
    expect(commandLine('photos', { featureStore })).toBe(`rootstock train photos --feature-store ${word}`)
    expect(parse(configYaml('photos', { featureStore }))).toMatchObject({ 'feature-store': word })
  })

  it('keeps the settings in config.yaml', async () => {
    expect(parse(await text(run, 'config.yaml'))).toEqual({
      command: 'train',
      folder: join(folder, 'photos'),
      network: 'mobilenet',
      alpha: 0.25,
      size: 32,
      head: 'none',
      weights: 'none',
      patience: 'none',
      plots: true,
      'batch-size': 8,
    })
  })

  it('lists in the card the files that are there', async () => {
    const card = await text(run, 'README.md')
    for (const name of await readdir(run)) expect(card).toContain(`| \`${name}\` |`)
    expect(card).not.toContain('classifier.onnx')
  })

  it('logs what happened, a line for each event', async () => {
    const log = await text(run, 'log.txt')
    expect(log).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z {2}training begins: epochs 1 to 1, \d+ photos\n/m)
    expect(log.match(/features of train: /g)).toHaveLength(1)
    expect(log.match(/features of validation: /g)).toHaveLength(2)
    expect(log.match(/features of test: /g)).toHaveLength(1)
    expect(log).toMatch(/ epoch 1\/1 {2}.*loss \d.* s\n/)
  })

  it('points latest at the run that ended last', async () => {
    expect(await readlink(join(folder, 'runs', 'latest'))).toBe('pets')
    await reported('pets-2', { plots: false })
    expect(await readlink(join(folder, 'runs', 'latest'))).toBe('pets-2')
  })

  it('draws nothing with plots: false', async () => {
    const { run: plain } = await reported('plain', { plots: false })
    expect((await readdir(plain)).sort()).toEqual(['README.md', 'config.yaml', 'log.txt', 'results.csv', 'split.json'])
  })

  it('tells of what it cannot draw or link and goes on', async () => {
    await rm(join(folder, 'runs', 'latest'), { force: true })
    await mkdir(join(folder, 'runs', 'latest'))
    await mkdir(join(folder, 'runs', 'odd', 'results.svg'), { recursive: true })
    const { run: odd, events: told } = await reported('odd')
    const warnings = told.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toMatch(/^Going on without results\.svg: /)
    expect(warnings[1]).toMatch(/no new link "latest".*is no link/)
    expect(await readdir(odd)).toContain('report.html')
  })
})
