/** @file `rootstock train --resume`: after kill -9 and after Ctrl-C, in the second stage too, and what it refuses. */
import { copyFileSync, cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { application } from '../../src/applications/index.ts'
import { trainClassifier } from '../../src/transfer/index.ts'
import { drawClasses, ended, expectRefusal, rootstock, rootstockJson, scratchFolder, SMALL, start } from './rootstock.cases.ts'

const scratch = scratchFolder()
const at = (...names: string[]): string => join(scratch, ...names)

/** Two stages: the head, then the last block too. */
const TWO = [...SMALL, '--unfreeze-from', 'conv_pw_11', '--epochs', '12', '--patience', 'none', '--batch-size', '4', '--no-plots']
const trunk = (): string[] => TWO.map((word, i) => (TWO[i - 1] === '--weights' ? at('trunk.weights.h5') : word))

beforeAll(async () => {
  await drawClasses(at('photos'), 14)
  const base = await application('mobilenet', { includeTop: false, weights: null, alpha: 0.25, inputShape: [32, 32, 3] })
  await base.saveWeights(at('trunk.weights.h5'))
  const { code, stderr } = await rootstock(['train', at('photos'), ...trunk(), '--out', at('whole')], env)
  expect(code, stderr).toBe(0)
}, 120_000)

const env = { ROOTSTOCK_HOME: join(scratch, 'home'), ROOTSTOCK_THREADS: '2' }

/** What must be the same to the last bit, and the test's figures. */
function resultOf(run: string): object {
  const { report } = JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')) as { report: { epochs: number; best: object; test: object } }
  const { epochs, best, test } = report
  return {
    weights: readFileSync(join(run, 'best.weights.h5')).toString('base64').length,
    isSame: readFileSync(join(run, 'best.weights.h5')).equals(readFileSync(join(at('whole'), 'best.weights.h5'))),
    history: readFileSync(join(run, 'history.csv'), 'utf8'),
    report: { epochs, best, test },
  }
}

describe.skipIf(process.platform === 'win32')('a run in two stages', () => {
  it('that is killed in each of them goes on to the same bits', { timeout: 120_000 }, async () => {
    const run = at('killed')
    const often = ['--checkpoint-seconds', '0.01']
    const history = (): number =>
      existsSync(join(run, 'history.csv')) ? readFileSync(join(run, 'history.csv'), 'utf8').split('\n').length - 2 : 0
    for (const epochs of [0, 3, 9, 13, 20]) {
      const argv = epochs === 0 ? [...trunk(), ...often] : [...often, '--resume']
      const child = start(['train', at('photos'), ...argv, '--out', run], env)
      const result = ended(child)
      await vi.waitUntil(() => existsSync(join(run, 'run.json')) && history() >= epochs, { timeout: 60_000, interval: 3 })
      child.kill('SIGKILL')
      const { code, stderr } = await result
      expect(code, stderr).toBeNull()
    }
    const { code, stderr, json } = await rootstockJson(['train', at('photos'), '--out', run, '--resume'], env)
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/^Goes on with epoch \d+/m)
    expect(json).toMatchObject({ epochs: 24 })
    expect(resultOf(run)).toEqual(resultOf(at('whole')))
  })

  it('that Ctrl-C ends says how to go on, and does', { timeout: 60_000 }, async () => {
    const run = at('stopped')
    const child = start(['train', at('photos'), ...trunk(), '--out', run], env)
    const result = ended(child)
    await vi.waitUntil(() => existsSync(join(run, 'best.weights.h5')), { timeout: 60_000, interval: 3 })
    child.kill('SIGINT')
    const { code, stderr } = await result
    expect(code, stderr).toBe(130)
    const command = `rootstock train ${at('photos')} --out ${run} --resume`
    expect(stderr).toContain(`Go on with: ${command}`)
    expect((await rootstock(command.split(' ').slice(1), env)).code).toBe(0)
    expect(resultOf(run)).toEqual(resultOf(at('whole')))
  })
})

describe.skipIf(process.platform === 'win32')('a run with augmentations', () => {
  const changes = ['--flip', 'both', '--rotation', '0.1', '--zoom', '0.1', '--contrast', '0.2', '--mix', 'mixup']
  const argv = (run: string): string[] => [...trunk().filter((word, i, all) => ![word, all[i - 1]].includes('--epochs')), '--epochs', '3', ...changes, '--out', run] // prettier-ignore

  it('keeps them when it was killed before its first checkpoint', { timeout: 120_000 }, async () => {
    const whole = await rootstock(['train', at('photos'), ...argv(at('augmented'))], env)
    expect(whole.code, whole.stderr).toBe(0)
    const run = at('augmented-killed')
    const child = start(['train', at('photos'), ...argv(run)], env)
    const result = ended(child)
    await vi.waitUntil(() => existsSync(join(run, 'run.json')), { timeout: 60_000, interval: 3 })
    child.kill('SIGKILL')
    await result
    expectRefusal(await rootstock(['train', at('photos'), '--out', run, '--resume', '--flip', 'vertical'], env), {
      code: 2,
      says: /augmentation was randomFlip.* randomRotation.*, is randomFlip\{"mode":"vertical"\}/,
    })
    const { code, stderr } = await rootstock(['train', at('photos'), '--out', run, '--resume'], env)
    expect(code, stderr).toBe(0)
    for (const file of ['history.csv', 'best.weights.h5']) expect(readFileSync(join(run, file)).equals(readFileSync(join(at('augmented'), file)))).toBe(true) // prettier-ignore
  })
})

it('a run that was interrupted in its test leaves all pictures when it goes on', { timeout: 60_000 }, async () => {
  const out = at('untold')
  const small = { network: 'mobilenet', weights: 'none', alpha: 0.25, size: 32, head: 'none', epochs: 1, out } as const
  const stop = new AbortController()
  await trainClassifier(at('photos'), {
    ...small,
    signal: stop.signal,
    onEvent: (event) => event.type === 'featuresProgress' && event.split === 'test' && stop.abort(),
  })
  const said: string[] = []
  const goOn = (): Promise<unknown> =>
    trainClassifier(at('photos'), { out, resume: true, onEvent: (event) => event.type === 'message' && said.push(event.message) })
  await goOn()
  for (const name of ['confusion_matrix.svg', 'val_predictions.png']) expect(existsSync(join(out, name)), name).toBe(true)
  expect(said.join()).not.toContain('is over')
  await goOn()
  expect(said.join()).toContain('is over')
})

it('a run with rounded features and without pictures goes on as it was', { timeout: 60_000 }, async () => {
  const small = { network: 'mobilenet', weights: 'none', alpha: 0.25, size: 32, head: 'none', epochs: 3 } as const
  const started = { ...small, featureStore: 'float16', plots: false } as const
  await trainClassifier(at('photos'), { ...started, out: at('rounded') })
  const out = at('rounded-stopped')
  const stop = new AbortController()
  // Before its first checkpoint, which would say how features were kept.
  const first = trainClassifier(at('photos'), {
    ...started,
    out,
    signal: stop.signal,
    onEvent: (event) => event.type === 'featuresProgress' && stop.abort(),
  })
  await expect(first).rejects.toMatchObject({ code: 'CANCELED' })
  const other = trainClassifier(at('photos'), { out, resume: true, featureStore: false })
  await expect(other).rejects.toThrow('featureStore was float16, is false')
  await trainClassifier(at('photos'), { out, resume: true })
  for (const name of ['history.csv', 'best.weights.h5']) expect(readFileSync(join(out, name)).equals(readFileSync(at('rounded', name))), name).toBe(true) // prettier-ignore
  expect(existsSync(join(out, 'results.svg'))).toBe(false)
})

describe('--resume', () => {
  const resume = (...more: string[]): Promise<Awaited<ReturnType<typeof rootstock>>> =>
    rootstock(['train', at('photos'), '--out', at('whole'), '--resume', ...more], env)

  it('of a finished run says so and returns its report', async () => {
    const { code, stderr, json } = await rootstockJson(['train', at('photos'), '--out', at('whole'), '--resume'], env)
    expect(code).toBe(0)
    expect(stderr).toMatch(/^The run in .*whole is over; raise epochs to go on$/m)
    expect(json).toMatchObject({ run: at('whole'), epochs: 24 })
  })

  it('of a run that its patience ended says that more epochs change nothing', { timeout: 60_000 }, async () => {
    const run = at('patient')
    const argv = ['train', at('photos'), ...SMALL, '--epochs', '40', '--patience', '1', '--learning-rate', '2', '--no-plots', '--out', run]
    const first = await rootstockJson(argv, env)
    expect(first.code, first.stderr).toBe(0)
    const { stderr, json } = await rootstockJson(['train', at('photos'), '--out', run, '--resume', '--epochs', '50'], env)
    expect(stderr).toMatch(
      /^The run in .*patient is over: its patience ended it after epoch \d+, and would again; a new run with a larger one/m,
    )
    expect(json).toMatchObject({ epochs: first.json['epochs'] })
  })

  it('takes settings that are what they were without being given, and a folder that was moved', async () => {
    const moved = at('moved')
    cpSync(at('whole'), moved, { recursive: true })
    const same = ['--network', 'mobilenet', '--seed', '0', '--views', '4', '--test', '0.15', '--precision', 'fp32', '--recipe', 'head']
    const { code, stderr, json } = await rootstockJson(['train', at('photos'), '--out', moved, '--resume', ...same], env)
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ run: moved, epochs: 24 })
  })

  it('is held against the defaults of a training: given in words, they train to the same bits', { timeout: 60_000 }, async () => {
    const same = ['--validation', '0.15', '--test', '0.15', '--views', '4', '--duplicates', 'near', '--leaks', 'report', '--seed', '0']
    const more = ['--batch-size', '32', '--patience', '5', '--recipe', 'head', '--layer-decay', '1', '--precision', 'fp32']
    for (const [name, words] of [
      ['plain', []],
      ['in-words', [...same, ...more]],
    ] as const) {
      const argv = ['train', at('photos'), ...SMALL, '--epochs', '3', '--flip', 'both', '--no-plots', '--out', at(name), ...words]
      const { code, stderr } = await rootstock(argv, { ...env, ROOTSTOCK_CACHE: at(`cache-${name}`) })
      expect(code, stderr).toBe(0)
    }
    for (const file of ['history.csv', 'best.weights.h5', 'split.json'])
      expect(readFileSync(at('plain', file)).equals(readFileSync(at('in-words', file))), file).toBe(true)
  })

  it.each([
    [['--batch-size', '8'], 2, /batchSize was 4, is 8\. Leave the setting out/],
    [['--seed', '3'], 2, /seed was its default, is 3/],
    [['--size', '64'], 2, /size was 32, is 64/],
    [['--flip', 'both'], 2, /augmentation was its default, is randomFlip/],
    [['--epochs', '3'], 2, /epochs was 12, is 3, expected no fewer\. Leave --epochs out, or raise it/],
  ] as const)('refuses %j', async (more, code, says) => {
    const before = readFileSync(join(at('whole'), 'run.json'), 'utf8')
    expectRefusal(await resume(...more), { code, says })
    expect(readFileSync(join(at('whole'), 'run.json'), 'utf8')).toBe(before)
  })

  it('leaves a run as it was whose checkpoint does not fit', { timeout: 60_000 }, async () => {
    const run = at('fine-tuned')
    const argv = [
      'train',
      at('photos'),
      ...trunk().slice(0, SMALL.length),
      '--recipe',
      'fine-tune',
      '--epochs',
      '1',
      '--no-plots',
      '--out',
      run,
    ]
    const { code, stderr } = await rootstock(argv, env)
    expect(code, stderr).toBe(0)
    const before = readFileSync(join(run, 'run.json'), 'utf8')
    expectRefusal(await rootstock(['train', at('photos'), '--out', run, '--resume', '--epochs', '3', '--quiet'], env), {
      code: 2,
      says: /decaySteps/,
    })
    expect(readFileSync(join(run, 'run.json'), 'utf8')).toBe(before)
    expect((await rootstock(['train', at('photos'), '--out', run, '--resume'], env)).code).toBe(0)
  })

  it('refuses where there is no run, and without a folder', async () => {
    expectRefusal(await rootstock(['train', at('photos'), '--out', at('none'), '--resume']), {
      code: 2,
      says: /found no run\.json in it, expected a run/,
    })
    expect(existsSync(at('none'))).toBe(false)
    expectRefusal(await rootstock(['train', at('photos'), '--resume']), { code: 2, says: /found no out, expected the folder/ })
  })

  it.each([
    [
      '1 photo added: cat/new.jpg',
      () => copyFileSync('test/golden/odd-images/plain.jpg', at('photos', 'cat', 'new.jpg')),
      () => rmSync(at('photos', 'cat', 'new.jpg')),
    ],
    [
      '1 photo missing: dog/3.jpg',
      () => renameSync(at('photos', 'dog', '3.jpg'), at('3.jpg')),
      () => renameSync(at('3.jpg'), at('photos', 'dog', '3.jpg')),
    ],
    [
      '1 photo changed: cat/2.jpg',
      () => {
        copyFileSync(at('photos', 'cat', '2.jpg'), at('2.jpg'))
        writeFileSync(at('photos', 'cat', '2.jpg'), Buffer.concat([readFileSync(at('2.jpg')), Buffer.from('more')]))
      },
      () => renameSync(at('2.jpg'), at('photos', 'cat', '2.jpg')),
    ],
  ])('refuses other photos: %s', async (says, change, undo) => {
    change()
    try {
      expectRefusal(await resume('--epochs', '13', '--quiet'), { code: 3, says: new RegExp(`Cannot resume .*whole: ${says}`) })
    } finally {
      undo()
    }
  })

  it('with more epochs goes on', async () => {
    const { code, json, stderr } = await rootstockJson(['train', at('photos'), '--out', at('whole'), '--resume', '--epochs', '13'], env)
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ epochs: 25 })
  })
})
