import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FitOptions } from '../fit.ts'
import { adam, sgd, type Optimizer } from '../optimizers/index.ts'
import { photos, smallNet, weightsOf } from '../small.cases.ts'
import type { Callback } from '../callback.ts'
import { backupAndRestore, type BackupAndRestoreOptions } from './backup-and-restore.ts'
import { csvLogger } from './csv-logger.ts'
import { earlyStopping } from './early-stopping.ts'
import { lambdaCallback } from './lambda-callback.ts'
import { reduceLROnPlateau } from './reduce-lr-on-plateau.ts'
import { swapEmaWeights } from './swap-ema-weights.ts'

let folder = ''
let backupDir = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rootstock-'))
  backupDir = join(folder, 'backup')
})
afterEach(() => rmSync(folder, { recursive: true }))

const data = photos(8)

interface Trial {
  /** The epoch that fails. */
  readonly fallsAt?: number
  readonly more?: Partial<BackupAndRestoreOptions>
  readonly optimizer?: Optimizer
}

async function train(options: FitOptions, { fallsAt, more = {}, optimizer = sgd({ learningRate: 0.05 }) }: Trial = {}) {
  const net = smallNet()
  net.compile({ optimizer, loss: 'categoricalCrossentropy' })
  const epochs: number[] = []
  const fall = lambdaCallback({
    onEpochBegin: (epoch) => {
      epochs.push(epoch)
      if (epoch === fallsAt) throw new Error('interrupted')
    },
  })
  const watch = earlyStopping({ monitor: 'loss', patience: 9 })
  const run = net.fit(data.x, data.y, {
    sanity: false,
    epochs: 4,
    batchSize: 4,
    shuffle: false,
    callbacks: [watch, backupAndRestore({ backupDir, ...more }), fall],
    ...options,
  })
  const history = await run.catch((error: unknown) => error as Error)
  return { history, epochs, watch, weights: await weightsOf(net) }
}

describe('backupAndRestore', () => {
  it('goes on where an interrupted run stopped', async () => {
    const whole = await train({})
    const first = await train({}, { fallsAt: 2 })
    expect(first.history).toBeInstanceOf(Error)
    expect(readdirSync(backupDir).sort()).toEqual(['latest.weights.h5', 'training_metadata.json'])
    const second = await train({})
    expect(second.epochs).toEqual([2, 3])
    expect(second.weights).toEqual(whole.weights)
    expect(second.watch.state?.()).toEqual(whole.watch.state?.())
    expect('history' in second.history && second.history.history).toEqual('history' in whole.history && whole.history.history)
    expect(existsSync(backupDir)).toBe(false)
  })

  it.each([
    ['adam', adam({ learningRate: 0.05 })],
    ['averages of weights', adam({ learningRate: 0.05, useEma: true, emaMomentum: 0.5 })],
  ])('keeps what the optimizer remembers: %s', async (_name, optimizer) => {
    const whole = await train({}, { optimizer })
    await train({}, { fallsAt: 2, optimizer })
    const second = await train({}, { optimizer })
    expect(second.epochs).toEqual([2, 3])
    expect(second.weights).toEqual(whole.weights)
  })

  it.each<readonly [string, (log: string) => { readonly before: readonly Callback[]; readonly after?: readonly Callback[] }]>([
    [
      'a rate that was lowered after the backup',
      () => ({ before: [], after: [reduceLROnPlateau({ monitor: 'loss', minDelta: 9, patience: 1 })] }),
    ],
    ['a log that was begun before the backup was found', (log) => ({ before: [csvLogger(log)] })],
    ['averages that the model held', () => ({ before: [swapEmaWeights({ swapOnEpoch: true })] })],
  ])('goes on with %s', async (_name, make) => {
    const once = async (log: string, fallsAt?: number) => {
      const { before, after = [] } = make(log)
      const fall = lambdaCallback({
        onTrainBatchEnd: (batch, { loss }) => {
          if (loss !== undefined && batch === 1 && epochs++ === fallsAt) throw new Error('interrupted')
        },
      })
      let epochs = 0
      const optimizer = sgd({ learningRate: 0.05, useEma: true, emaMomentum: 0.5 })
      const { history, weights } = await train(
        { callbacks: [...before, backupAndRestore({ backupDir }), ...after, fall], validationData: [data.x, data.y] },
        { optimizer },
      )
      return { history: 'history' in history ? history.history : {}, weights, log: existsSync(log) && readFileSync(log, 'utf8') }
    }
    const whole = await once(join(folder, 'whole.csv'))
    await once(join(folder, 'log.csv'), 3)
    expect(await once(join(folder, 'log.csv'))).toEqual(whole)
  })

  it('does nothing after a run that was whole', async () => {
    await train({}, { more: { deleteCheckpoint: false } })
    expect((await train({})).epochs).toEqual([])
  })

  it('keeps the backup of a run that was aborted', async () => {
    const abort = new AbortController()
    await train({ signal: abort.signal, onEvent: (event) => void (event.type === 'epochEnd' && abort.abort()) })
    expect((await train({})).epochs).toEqual([1, 2, 3])
  })

  it('writes the metadata of Keras', async () => {
    await train({}, { fallsAt: 3 })
    const metadata = JSON.parse(readFileSync(join(backupDir, 'training_metadata.json'), 'utf8')) as Record<string, unknown>
    expect(metadata).toMatchObject({ epoch: 3, batch: 0 })
    writeFileSync(join(backupDir, 'training_metadata.json'), '{"epoch": 3, "batch": 0}')
    expect((await train({})).epochs).toEqual([3])
  })

  it('saves every so many batches', async () => {
    const seen: unknown[] = []
    const look = lambdaCallback({
      onTrainBatchEnd: () => {
        const path = join(backupDir, 'training_metadata.json')
        if (!existsSync(path)) return void seen.push(null)
        const { epoch, batch } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>
        seen.push([epoch, batch])
      },
    })
    await train({ epochs: 3, callbacks: [backupAndRestore({ backupDir, saveFreq: 3 }), look] })
    expect(seen).toEqual([null, null, [1, 0], [1, 0], [1, 0], [2, 1]])
  })

  it('falls back to the backup before, with doubleCheckpoint', async () => {
    const more = { doubleCheckpoint: true }
    await train({}, { fallsAt: 3, more })
    writeFileSync(join(backupDir, 'latest.weights.h5'), 'damaged')
    const events: string[] = []
    const { epochs } = await train({ onEvent: (event) => void (event.type === 'warning' && events.push(event.message)) }, { more })
    expect(epochs).toEqual([2, 3])
    expect(events).toEqual([expect.stringContaining('The last backup cannot be read')])
  })

  it('says what is wrong with a backup', async () => {
    await train({}, { fallsAt: 2 })
    const kept = join(folder, 'kept')
    cpSync(backupDir, kept, { recursive: true })
    writeFileSync(join(backupDir, 'training_metadata.json'), '{"epoch": "two"}')
    expect((await train({})).history).toMatchObject({ code: 'FORMAT', message: expect.stringContaining('epoch') as string })
    writeFileSync(join(backupDir, 'training_metadata.json'), '{')
    expect((await train({})).history).toMatchObject({ code: 'FORMAT' })
  })

  it('deletes only what it wrote', async () => {
    await train({}, { fallsAt: 1 })
    writeFileSync(join(backupDir, 'mine.txt'), '')
    await train({})
    expect(readdirSync(backupDir)).toEqual(['mine.txt'])
  })

  it.each([{ backupDir: '' }, { saveFreq: 0 }, { saveFreq: 1.5 }])('refuses %j', (more) => {
    expect(() => backupAndRestore({ backupDir: 'x', ...more })).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })
})
