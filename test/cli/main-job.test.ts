/** @file The main job from the command line: photos in, a classifier out, a new photo named; and how it is stopped. */
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { goOnCommand } from '../../src/cli/go-on.ts'
import { drawPhotos, ended, expectRefusal, rootstock, rootstockJson, scratchFolder, SMALL, start } from './rootstock.cases.ts'

const scratch = scratchFolder()
const at = (...names: string[]): string => join(scratch, ...names)
const odd = 'test/golden/odd-images'

beforeAll(async () => {
  await drawPhotos(at('photos'), 10)
  const { code, stdout, stderr } = await rootstock([
    'prepare',
    at('photos'),
    at('data'),
    '--train',
    '5',
    '--validation',
    '2',
    '--test',
    '2',
  ])
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/^ {2}cat +5 +2 +2$/m)
  const damaged = ['header_only.jpg', 'truncated.jpg']
  for (const name of damaged) cpSync(join(odd, name), at('data', 'train', 'cat', name))
  const trained = await rootstock(['train', at('data'), ...SMALL, '--epochs', '2', '--batch-size', '4', '--out', at('run')], {
    ROOTSTOCK_CACHE: at('cache'),
  })
  expect(trained.code, trained.stderr).toBe(0)
  Object.assign(training, trained)
})

/** How the training of `beforeAll` ended. */
const training = { stdout: '', stderr: '' }

describe('prepare', () => {
  it('makes the folders that it says, and changes nothing the second time', async () => {
    const argv = ['prepare', at('photos'), at('again'), '--train', '3', '--test', '1']
    const first = await rootstockJson(argv)
    expect(first.json).toMatchObject({
      unusable: [],
      classes: ['cat', 'dog'],
      images: { train: { cat: 3, dog: 3 }, test: { cat: 1, dog: 1 } },
      unchanged: false,
    })
    expect(readdirSync(at('again', 'train', 'dog')).sort()).toEqual(['dog.0.jpg', 'dog.1.jpg', 'dog.2.jpg'])
    expect((await rootstockJson(argv)).json).toMatchObject({ unchanged: true })
  })

  it('ends with a command that a shell reads', async () => {
    const { stdout } = await rootstock(['prepare', at('photos'), at('two words')])
    expect(stdout).toContain(`: rootstock train '${at('two words')}'\n`)
  })
})

describe('train', () => {
  it('tells on stdout what came out', () => {
    expect(training.stdout).toMatch(/^cat, dog: 10 photos for training, 4 for validation, 4 for the test$/m)
    expect(training.stdout).toMatch(/^Test accuracy \d+\.\d %, loss \d/m)
    expect(training.stdout).toContain(`rootstock predict ${at('run')} PHOTO`)
  })

  it('shows one plain line per epoch on stderr where that is no terminal', () => {
    expect(training.stderr).not.toMatch(/[\r\u001b]/)
    expect(training.stderr).toMatch(/^Features train {2}10 photos .*photos\/s/m)
    expect(training.stderr).toMatch(
      /^Epoch 2\/2 {2}loss \d\.\d{4} {2}accuracy \d\.\d{4} {2}val_loss \d\.\d{4} {2}val_accuracy \d\.\d{4} {2}\d+\.\d s$/m,
    )
    expect(training.stderr.match(/^Epoch /gm)).toHaveLength(2)
  })

  it('names damaged pictures and goes on without them', () => {
    for (const name of ['header_only.jpg', 'truncated.jpg']) expect(training.stderr).toMatch(new RegExp(`^not used: .*${name}: `, 'm'))
    expect(training.stdout).toMatch(/^2 pictures could not be used$/m)
  })

  it('--json prints the report of the contract and --quiet nothing else', async () => {
    const { code, json, stderr } = await rootstockJson(['train', at('data'), ...SMALL, '--epochs', '1', '--out', at('quiet'), '--quiet'])
    expect(code).toBe(0)
    expect(stderr).toBe('')
    const number = expect.any(Number) as number
    expect(json).toMatchObject({
      run: at('quiet'),
      classes: ['cat', 'dog'],
      network: 'mobilenet',
      images: { train: 10, validation: 4, test: 4 },
      epochs: 1,
      best: { epoch: 1, valLoss: number, valAccuracy: number },
      test: { accuracy: number, loss: number },
      seconds: { total: number, features: number, fit: number },
      imagesPerSecond: number,
    })
    expect(readdirSync(at('quiet')).sort()).toEqual([
      'README.md',
      'best.weights.h5',
      'classifier.onnx',
      'config.yaml',
      'confusion_matrix.png',
      'confusion_matrix.svg',
      'confusion_matrix_normalized.png',
      'confusion_matrix_normalized.svg',
      'history.csv',
      'last.ckpt',
      'log.txt',
      'report.html',
      'results.csv',
      'results.png',
      'results.svg',
      'run.json',
      'split.json',
      'train_batch.png',
      'val_predictions.png',
    ])
  })

  it('refuses a run folder that is taken', async () => {
    const { code, stderr } = await rootstock(['train', at('data'), ...SMALL, '--out', at('run')])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^rootstock: Cannot train into .*run: it holds a run already\. Choose another --out/)
  })
})

describe.concurrent('a run', () => {
  it('names photos', async () => {
    const { code, json } = await rootstockJson(['predict', at('run'), at('photos', 'cat.9.jpg'), at('photos', 'dog.9.jpg'), '--top', '1'])
    const { predictions } = json as { predictions: { file: string; top: { label: string; probability: number }[] }[] }
    expect(code).toBe(0)
    expect(predictions.map(({ file }) => file)).toEqual([at('photos', 'cat.9.jpg'), at('photos', 'dog.9.jpg')])
    for (const { top } of predictions) {
      expect(top).toHaveLength(1)
      expect(['cat', 'dog']).toContain(top[0]?.label)
      expect(top[0]?.probability).toBeGreaterThanOrEqual(0.5)
    }
  })

  it('prints an aligned table for people', async () => {
    const { stdout } = await rootstock(['predict', at('run'), at('photos', 'cat.9.jpg')])
    expect(stdout).toMatch(/cat\.9\.jpg\n {2}(cat|dog) {2} ?\d+\.\d %\n {2}(cat|dog) {2} ?\d+\.\d %\n$/)
  })

  it('is evaluated', async () => {
    const { code, json } = await rootstockJson(['evaluate', at('run'), at('data', 'test'), '--quiet'])
    const { images, confusion, perClass } = json as { images: number; confusion: number[][]; perClass: { label: string }[] }
    expect(code).toBe(0)
    expect(images).toBe(4)
    expect(confusion.flat().reduce((sum, n) => sum + n, 0)).toBe(4)
    expect(perClass.map(({ label }) => label)).toEqual(['cat', 'dog'])
  })

  it('is evaluated without photos that it cannot read or whose class it does not know, and says so', async () => {
    for (const name of ['cat', 'dog']) cpSync(at('data', 'test', name), at('strange', name), { recursive: true })
    cpSync(at('data', 'test', 'cat'), at('strange', 'bird'), { recursive: true })
    cpSync(join(odd, 'truncated.jpg'), at('strange', 'cat', 'truncated.jpg'))
    const { json, stderr } = await rootstockJson(['evaluate', at('run'), at('strange')])
    const unusable = [{ path: at('strange', 'cat', 'truncated.jpg'), reason: expect.any(String) as string }]
    expect(json).toMatchObject({ images: 4, unknownClasses: ['bird'], unusable })
    expect(stderr).toMatch(/^warning: Not measured: photos of bird, which the classifier does not know$/m)
  })

  it('is not evaluated on a folder with parts, whose name is offered', async () => {
    const result = await rootstock(['evaluate', at('run'), at('data')])
    expectRefusal(result, {
      code: 3,
      says: /data": it has the parts test, train, validation, expected .* such as .*data.test; for a run, --part/,
    })
  })

  it('has a summary', async () => {
    const { json } = await rootstockJson(['summary', at('run')])
    const { layers, parameters, summary } = json as { layers: { name: string }[]; parameters: object; summary: string }
    expect(layers.at(-1)?.name).toBe('dense_output')
    // The head alone was trained: 256 × 2 weights and 2 biases.
    expect(parameters).toEqual({ total: 219_058, trainable: 514, frozen: 218_544 })
    expect(summary).toMatch(/Total params: 219,058/)
  })

  it('has weights that fit the network', async () => {
    const { code, json } = await rootstockJson(['weights', at('run', 'best.weights.h5')])
    expect(code).toBe(0)
    expect((json as { tensors: object[] }).tensors).toHaveLength(137)
  })

  it('has no end of a pipe to fear', async () => {
    const files = Array.from({ length: 30 }, () => at('photos'))
    const child = start(['predict', at('run'), ...files])
    child.stdout?.once('data', () => child.stdout?.destroy())
    const { code, stderr } = await ended(child)
    expect(code).toBe(0)
    expect(stderr).not.toMatch(/EPIPE|Error/)
  })
})

describe.skipIf(process.platform === 'win32')('a signal', () => {
  const long = ['train', at('data'), ...SMALL, '--unfreeze-from', 'all', '--epochs', '100000', '--patience', 'none', '--batch-size', '4']

  it.each([['SIGINT', 130] as const, ['SIGTERM', 143] as const, ['SIGHUP', 129] as const])(
    '%s ends training after the batch with code %i and keeps the best weights',
    async (name, expected) => {
      const run = at(`stopped-${name}`)
      const child = start([...long, '--out', run, '--json'])
      const result = ended(child)
      await lineOf(child, /Epoch 2\//)
      child.kill(name)
      // A closed terminal is told by the system and by the shell.
      if (name === 'SIGHUP') child.kill(name)
      const { code, stdout, stderr } = await result
      expect(code, stderr).toBe(expected)
      expect(stderr).toMatch(/^Stopping after this batch; press Ctrl-C again to stop at once$/m)
      expect(stderr).toMatch(/Stopped before its end: .* keeps the weights of the best epoch/)
      expect(stderr).not.toMatch(/\n\s+at /)
      expect((JSON.parse(stdout) as { epochs: number }).epochs).toBeGreaterThanOrEqual(2)
      expect(readFileSync(join(run, 'history.csv'), 'utf8').trim().split('\n').length).toBeGreaterThanOrEqual(3)
      expect(existsSync(join(run, 'best.weights.h5'))).toBe(true)
      expect(readdirSync(run).filter((file) => file.includes('tmp'))).toEqual([])
    },
  )

  it('before the first epoch is over says that no weights were kept', async () => {
    const run = at('early')
    const child = start([...long, '--size', '224', '--out', run])
    const result = ended(child)
    await vi.waitUntil(() => existsSync(join(run, 'run.json')), { timeout: 60_000, interval: 20 })
    child.kill('SIGINT')
    const { code, stdout, stderr } = await result
    expect(code, stderr).toBe(130)
    expect(stderr).toMatch(
      /^rootstock: .*(stopped before the first epoch was over; no weights were kept|Canceled while reading the photos)/m,
    )
    const goOn = `Go on with: rootstock train ${at('data')} --out ${run} --resume`
    if (existsSync(join(run, 'run.json'))) expect(stderr).toContain(goOn)
    expect(stdout).toBe('')
  })

  it('is answered with a command in words that a shell reads', () => {
    expect(goOnCommand({ folder: "it's", run: 'runs/a' })).toBe(`rootstock train 'it'\\''s' --out runs/a --resume`)
    expect(goOnCommand({ folder: '-photos', run: '-run' })).toBe('rootstock train ./-photos --out ./-run --resume')
    expect(goOnCommand({ folder: "a\nit's", run: '\u202egpj' })).toBe(`rootstock train $'a\\nit\\'s' --out $'\\u202egpj' --resume`)
  })

  it('given twice ends at once', async () => {
    const child = start([...long, '--out', at('twice')])
    const result = ended(child)
    await lineOf(child, /Epoch 1\//)
    child.kill('SIGINT')
    child.kill('SIGTERM')
    expect([130, 143]).toContain((await result).code)
  })
})

/** Waits until stderr has shown a line that matches. */
function lineOf(child: ReturnType<typeof start>, expected: RegExp): Promise<void> {
  let seen = ''
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', (part: Buffer) => {
      seen += part.toString()
      if (expected.test(seen)) resolve()
    })
    child.on('close', () => reject(new Error(`ended before ${String(expected)}: ${seen}`)))
  })
}
