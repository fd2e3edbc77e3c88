/** @file Flags of `train` that change what is kept or mixed: --feature-store and --mix, on drawn photos and the network in the package. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { embeddedNetwork } from '../../src/applications/index.ts'
import { drawClasses, expectRefusal, rootstock, rootstockJson, scratchFolder } from './rootstock.cases.ts'

const scratch = scratchFolder()
const at = (...names: string[]): string => join(scratch, ...names)
/** A network that tells photos apart and needs no download: random weights leave features too small for any difference to show. */
const SMALL = ['--weights', 'embedded', '--head', 'none'] as const
/** Values at the boundary: the channels of the network in the package. */
const width = 1024 * embeddedNetwork.alpha
/** Bytes of an entry beside its numbers: key and checksum. */
const overhead = 44

beforeAll(() => drawClasses(at('photos'), 10))

let runs = 0
/** Trains for two epochs with a cache of its own, unless one is named. */
async function train(argv: readonly string[], cache = `cache-${runs}`) {
  const run = at(`run-${runs++}`)
  const env = { ROOTSTOCK_CACHE: at(cache) }
  const trained = await rootstockJson(
    ['train', at('photos'), ...SMALL, '--epochs', '2', '--batch-size', '7', '--no-plots', '--out', run, ...argv],
    env,
  )
  return { ...trained, run, env, figures: readFileSync(join(run, 'history.csv'), 'utf8') }
}

/** The object that --json promises. */
function expectReport({ code, stderr, json, run }: Awaited<ReturnType<typeof train>>, epochs = 2): void {
  const number = expect.any(Number) as number
  expect(code, stderr).toBe(0)
  expect(json).toMatchObject({
    run,
    classes: ['cat', 'dog'],
    network: 'mobilenet',
    images: { train: 16, validation: 2, test: 2 },
    epochs,
    best: { epoch: number, valLoss: number, valAccuracy: number },
    test: { accuracy: number, loss: number },
    seconds: { total: number, features: number, fit: number },
    imagesPerSecond: number,
    unusable: [],
  })
}

interface Trunk {
  readonly title: string
  readonly entries: number
  readonly bytes: number
}

async function trunksOf(env: Readonly<Record<string, string>>): Promise<Trunk[]> {
  return (await rootstockJson(['cache'], env)).json['trunks'] as Trunk[]
}

describe('--feature-store', () => {
  it.each([
    ['float32', 4, /px$/],
    ['float16', 2, /, float16$/],
  ] as const)('%s keeps every photo once, in %i bytes a number, and the next run takes them', async (how, bytes, title) => {
    const first = await train(['--feature-store', how], how)
    expectReport(first)
    expect(await trunksOf(first.env)).toMatchObject([
      { title: expect.stringMatching(title) as string, entries: 20, bytes: 20 * (width * bytes + overhead) },
    ])
    expect(first.stderr).toMatch(/^Features train {2}16 photos .*photos\/s/m)
    const again = await train(['--feature-store', how], how)
    expectReport(again)
    expect(again.figures).toBe(first.figures)
    expect(again.stderr).toMatch(/^Features train {2}16 photos {2}all computed before$/m)
  })

  it('none keeps nothing and trains to the same figures as float32, which is the default', async () => {
    const [none, whole] = [await train(['--feature-store', 'none']), await train([])]
    expectReport(none)
    expect(await trunksOf(none.env)).toEqual([])
    expect(await trunksOf(whole.env)).toHaveLength(1)
    expect(none.figures).toBe(whole.figures)
  })

  it('float16 trains to figures that differ by rounding only', async () => {
    const [half, whole] = [await train(['--feature-store', 'float16']), await train([])]
    const figures = (text: string): number[] => text.split(/[\n,]/).map(Number).filter(Number.isFinite)
    const expected = figures(whole.figures)
    expect(half.figures).not.toBe(whole.figures)
    figures(half.figures).forEach((value, i) => expect(value).toBeCloseTo(expected[i] ?? NaN, 2))
  })
})

describe('--mix', () => {
  it('mixup trains on other numbers, the same in every run, and the run says so', async () => {
    const [plain, mixed, again] = [await train([]), await train(['--mix', 'mixup']), await train(['--mix', 'mixup'])]
    expectReport(mixed)
    expect(mixed.figures).not.toBe(plain.figures)
    expect(again.figures).toBe(mixed.figures)
    expect(readFileSync(join(mixed.run, 'README.md'), 'utf8')).toMatch(/mixup/)
    expect(readFileSync(join(plain.run, 'README.md'), 'utf8')).not.toMatch(/mixup/)
    const config = join(mixed.run, 'config.yaml')
    expect(readFileSync(config, 'utf8')).toMatch(/^# Again: .* --mix mixup[^]*^mix: mixup$/m)
    const repeated = await rootstock(['train', '--config', config, '--out', at(`run-${runs++}`)], mixed.env)
    expect(repeated.code, repeated.stderr).toBe(0)
    expect(readFileSync(join(at(`run-${runs - 1}`), 'history.csv'), 'utf8')).toBe(mixed.figures)
  })

  it('cutmix trains where every layer does, and not the head before', async () => {
    const all = ['--unfreeze-from', 'all']
    const [plain, mixed] = [await train(all), await train([...all, '--mix', 'cutmix'])]
    expectReport(mixed, 4)
    const [before, after] = [plain.figures.split('\n'), mixed.figures.split('\n')]
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3))
    expect(after[3]).not.toBe(before[3])
  })
})

it('without validation photos no figure of training passes for one', async () => {
  const { code, stderr, json, run } = await train(['--validation', '0'])
  expect(code, stderr).toBe(0)
  expect(json).toMatchObject({ images: { validation: 0 }, best: { epoch: expect.any(Number) as number, valLoss: null, valAccuracy: null } })
  expect(readFileSync(join(run, 'README.md'), 'utf8')).toMatch(
    /is number \d \(by its training loss: no photos were held out for validation\)/,
  )
})

it('a crop leaves as many pixels as the network in the package reads, also where the run goes on', async () => {
  const crop = ['--crop', '140', '--views', '1']
  const { code, stderr, run, env } = await train(crop)
  expect(code, stderr).toBe(0)
  const more = await rootstock(['train', at('photos'), '--out', run, '--resume', '--epochs', '3', '--crop', '140'], env)
  expect(more.code, more.stderr).toBe(0)
  expect(more.stderr).toMatch(/^Epoch 3\/3 /m)
})

it.each([
  ['a crop that leaves nothing to choose', ['--crop', '128'], /"128" of --crop: expected more than the 128 pixels that remain/],
  ['a factor on the rate of frozen layers', ['--layer-decay', '0.9'], /Cannot use layerDecay: only the head trains, .* --unfreeze-from/],
  [
    'cutmix with a frozen network',
    ['--mix', 'cutmix'],
    /Cannot use cutmix: the photos pass the frozen network once, .* --unfreeze-from all/,
  ],
  ['another mix', ['--mix', 'mixap'], /Unknown value "mixap" of --mix: .*Did you mean "mixup"/],
  ['another store', ['--feature-store', 'float8'], /Unknown value "float8" of --feature-store: .*(float|none)/],
])('%s is refused', async (_, argv, says) => {
  const out = at(`refused-${runs++}`)
  expectRefusal(await rootstock(['train', at('photos'), ...SMALL, '--out', out, ...argv]), { code: 2, says })
  // The corrected command must find its folder free.
  expect(existsSync(out)).toBe(false)
})
