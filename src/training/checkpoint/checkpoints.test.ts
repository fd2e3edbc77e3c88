import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { random } from '../../tensor/index.ts'
import {
  csvLogger,
  earlyStopping,
  learningRateScheduler,
  modelCheckpoint,
  reduceLROnPlateau,
  swapEmaWeights,
  terminateOnNaN,
} from '../callbacks/index.ts'
import type { Callback } from '../callback.ts'
import type { TrainingEvent } from '../events.ts'
import type { FitOptions } from '../fit-options.ts'
import { auc, f1Score, precision } from '../metrics/index.ts'
import type { Model } from '../model.ts'
import { adam, nadam, rmsprop, sgd } from '../optimizers/index.ts'
import { cosineDecay } from '../schedules/index.ts'
import { dropoutNet, part, photos, residualNet, smallNet, stream, weightsOf } from '../small.cases.ts'
import { checkpointPath } from './checkpoint-file.ts'
import { readCheckpoint } from './checkpoints.ts'

const scratch = mkdtempSync(join(tmpdir(), 'rootstock-checkpoint-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let folders = 0
const fresh = (): string => join(scratch, String(folders++))

const all = photos(26)
const training = part(all, 0, 18)
const held = part(all, 18, 26)
const validationData = [held.x, held.y] as const

interface Case {
  readonly name: string
  readonly make: () => Model
  readonly options: (folder: string) => FitOptions
  /** How the photos come in; default tensors. */
  readonly streamed?: boolean
  /** Events from one kill to the next; default 1, more where files take their time. */
  readonly stride?: number
}

const compiled = (net: Model, options: Partial<Parameters<Model['compile']>[0]>): Model => {
  net.compile({ loss: 'categoricalCrossentropy', metrics: ['accuracy'], ...options })
  return net
}

const frozenResidual = (): Model => {
  const net = residualNet()
  for (const name of ['first', 'second']) net.getLayer(name).trainable = false
  return compiled(net, { optimizer: 'adam' })
}

const cases: readonly Case[] = [
  {
    name: 'batch norm, Adam, early stopping with its best weights, plateau, CSV and best file',
    make: () => compiled(smallNet(), { optimizer: adam({ learningRate: 0.3 }), metrics: ['accuracy', auc(), f1Score(), precision()] }),
    stride: 7,
    options: (folder) => ({
      epochs: 6,
      validationData,
      callbacks: [
        modelCheckpoint({ filepath: join(folder, 'best.weights.h5'), saveBestOnly: true }),
        earlyStopping({ patience: 1, restoreBestWeights: true }),
        reduceLROnPlateau({ patience: 1, factor: 0.5 }),
        csvLogger(join(folder, 'log.csv')),
      ],
    }),
  },
  {
    name: 'dropout, a rate for every epoch, no shuffling',
    make: () => compiled(dropoutNet(), { optimizer: rmsprop({ momentum: 0.5 }) }),
    options: (folder) => ({
      epochs: 2,
      shuffle: false,
      callbacks: [learningRateScheduler((_, rate) => rate * 0.7), csvLogger(join(folder, 'log.csv'))],
    }),
  },
  {
    name: 'averages of the weights',
    make: () => compiled(smallNet(), { optimizer: sgd({ learningRate: 0.1, momentum: 0.9, useEma: true, emaMomentum: 0.8 }) }),
    options: () => ({ epochs: 2, validationData, callbacks: [swapEmaWeights({ swapOnEpoch: true })] }),
  },
  {
    name: 'a frozen trunk and a schedule',
    make: frozenResidual,
    options: () => ({ epochs: 2, validationSplit: 0.2, callbacks: [terminateOnNaN()] }),
  },
  {
    name: 'a stream that goes on from epoch to epoch',
    make: () => compiled(smallNet(), { optimizer: nadam({ learningRate: cosineDecay({ initialLearningRate: 0.05, decaySteps: 9 }) }) }),
    options: () => ({ epochs: 4, stepsPerEpoch: 2 }),
    streamed: true,
  },
  {
    name: 'a stream that every epoch reads to its end',
    make: () => compiled(smallNet(), { optimizer: 'adagrad' }),
    options: () => ({ epochs: 2 }),
    streamed: true,
  },
  {
    name: 'epochs that walk through shuffled tensors together',
    make: () => compiled(dropoutNet(), { optimizer: 'adam' }),
    options: (folder) => ({ epochs: 5, stepsPerEpoch: 2, callbacks: [csvLogger(join(folder, 'log.csv'))] }),
  },
  {
    name: 'epochs that walk through stored features together, two batches in one call',
    make: () => {
      const net = frozenResidual()
      net.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', stepsPerExecution: 2 })
      return net
    },
    options: () => ({ initialEpoch: 1, epochs: 4, stepsPerEpoch: 3, validationData }),
  },
  {
    name: 'three batches in one call',
    stride: 9,
    make: () => compiled(dropoutNet(), { optimizer: adam({ learningRate: 0.1 }), metrics: ['accuracy', auc()], stepsPerExecution: 3 }),
    options: (folder) => ({ epochs: 3, validationData, checkpoint: { folder: join(folder, 'last.ckpt'), everySeconds: 0 } }),
  },
]

interface Outcome {
  readonly weights: Record<string, number[]>
  readonly history: Record<string, number[]>
  readonly files: Record<string, string>
}

class Killed extends Error {}

/** One process's share of a run: a new model, and everything that happens from the checkpoint on. */
async function run(row: Case, folder: string, more: FitOptions, events: TrainingEvent[] = []): Promise<Outcome> {
  const net = row.make()
  const options = {
    batchSize: 4,
    checkpoint: { folder: join(folder, 'last.ckpt'), everyBatches: 1 },
    ...row.options(folder),
    ...more,
    onEvent(event: TrainingEvent) {
      events.push(event)
      more.onEvent?.(event)
    },
  }
  const history = row.streamed ? await net.fit(stream(training, 4), options) : await net.fit(training.x, training.y, options)
  const names = ['best.weights.h5', 'log.csv'].filter((name) => existsSync(join(folder, name)))
  const files = Object.fromEntries(names.map((name) => [name, contentOf(join(folder, name))]))
  const outcome = { weights: await weightsOf(net), history: history.history, files }
  await net.dispose()
  return outcome
}

/** Text as it is, and the hash of other bytes. */
const contentOf = (path: string): string =>
  path.endsWith('.csv') ? readFileSync(path, 'utf8') : createHash('sha256').update(readFileSync(path)).digest('hex')

/** Events without what no two runs share. */
const plain = (events: readonly TrainingEvent[]): unknown[] =>
  events.map((event) => Object.fromEntries(Object.entries(event).filter(([name]) => name !== 'seconds' && name !== 'path')))

describe.each(cases)('a run with $name', (row) => {
  it('that is killed at any event goes on to the same bits', { timeout: 120_000 }, async () => {
    const whole: TrainingEvent[] = []
    const expected = await run(row, fresh(), {}, whole)
    for (let killed = 1; killed < whole.length; killed += row.stride ?? 1) {
      const folder = fresh()
      let left = killed
      const kill = (): void => {
        if (--left === 0) throw new Killed()
      }
      await expect(run(row, folder, { onEvent: kill })).rejects.toThrow()
      const events: TrainingEvent[] = []
      expect(await run(row, folder, { resume: true }, events), `killed at event ${killed}`).toEqual(expected)
      const begun = events.findIndex(({ type }) => type === 'batchEnd' || type === 'validationBegin')
      const tail = begun < 0 ? [] : plain(events.slice(begun))
      expect(plain(whole).slice(whole.length - tail.length), `events after a kill at event ${killed}`).toEqual(tail)
    }
  })

  it('that is aborted after any batch goes on to the same bits without a second of the batch', { timeout: 60_000 }, async () => {
    const whole: TrainingEvent[] = []
    const expected = await run(row, fresh(), {}, whole)
    const batches = whole.filter(({ type }) => type === 'batchEnd').length
    for (let aborted = 1; aborted < batches; aborted += 2 * (row.stride ?? 1)) {
      const folder = fresh()
      const controller = new AbortController()
      const first: TrainingEvent[] = []
      const rare = { checkpoint: { folder: join(folder, 'last.ckpt'), everySeconds: 1000 } }
      const onEvent = (): void => {
        if (first.filter(({ type }) => type === 'batchEnd').length === aborted) controller.abort()
      }
      await run(row, folder, { ...rare, signal: controller.signal, onEvent }, first)
      const second: TrainingEvent[] = []
      expect(await run(row, folder, { ...rare, resume: true }, second), `aborted after batch ${aborted}`).toEqual(expected)
      const done = [...first, ...second].filter(({ type }) => type === 'batchEnd').length
      expect(done).toBe(batches)
    }
  })
})

describe('resume', () => {
  const row = cases[1] ?? expect.fail('no case')
  const seen = (name: string): Callback => ({ name })

  it('begins anew where there is no checkpoint', async () => {
    const folder = fresh()
    expect(await run(row, folder, { resume: true })).toEqual(await run(row, fresh(), {}))
    expect(await readCheckpoint(join(folder, 'last.ckpt'))).toMatchObject({ epoch: 2, batch: 0, stopped: false })
    expect(await readCheckpoint(join(folder, 'none'))).toBeUndefined()
  })

  it('after a death before the first checkpoint writes no line of a log twice, and none into another log', async () => {
    const earlier = 'epoch,accuracy,loss,val_accuracy,val_loss\r\n0,1.0,2.0,NA,NA\r\n'
    const optionsIn = (folder: string, log = 'log.csv'): FitOptions => {
      mkdirSync(folder, { recursive: true })
      if (!existsSync(join(folder, log))) writeFileSync(join(folder, log), earlier)
      const checkpoint = { folder: join(folder, 'last.ckpt'), everySeconds: 1000 }
      return { epochs: 3, checkpoint, callbacks: [csvLogger(join(folder, log), { append: true })] }
    }
    const [folder, whole] = [fresh(), fresh()]
    const expected = await run(row, whole, optionsIn(whole))
    const onEvent = ({ type, ...event }: TrainingEvent): void => {
      if (type === 'epochBegin' && 'epoch' in event && event.epoch === 2) throw new Killed()
    }
    await expect(run(row, folder, { ...optionsIn(folder), onEvent })).rejects.toThrow()
    await expect(run(row, folder, { ...optionsIn(folder), resume: true, onEvent })).rejects.toThrow()
    expect(await run(row, folder, { ...optionsIn(folder), resume: true })).toEqual(expected)
    expect(readdirSync(join(folder, 'last.ckpt'))).toEqual(['state.safetensors'])

    const other = fresh()
    await expect(run(row, other, { ...optionsIn(other), onEvent })).rejects.toThrow()
    writeFileSync(join(other, 'other.csv'), earlier + earlier)
    await run(row, other, { ...optionsIn(other, 'other.csv'), resume: true })
    expect(readFileSync(join(other, 'other.csv'), 'utf8')).toMatch(earlier + earlier)
  })

  it('of a run that is over trains no more, and of one that shall be longer goes on', async () => {
    const folder = fresh()
    const expected = await run(row, folder, {})
    const events: TrainingEvent[] = []
    expect(await run(row, folder, { resume: true }, events)).toEqual(expected)
    expect(events.map(({ type }) => type)).toEqual(['trainBegin', 'message', 'trainEnd'])
    expect(await run(row, folder, { resume: true, epochs: 3 })).toEqual(await run(row, fresh(), { epochs: 3 }))
  })

  it('goes on with the last run of the folder, not with the one before it', async () => {
    const folder = fresh()
    await run(row, folder, { seed: 1 })
    const first = (event: TrainingEvent): void => {
      if (event.type === 'batchEnd') throw new Killed()
    }
    await expect(
      run(row, folder, { checkpoint: { folder: join(folder, 'last.ckpt'), everySeconds: 1000 }, onEvent: first }),
    ).rejects.toThrow(Killed)
    expect(await readCheckpoint(join(folder, 'last.ckpt'))).toMatchObject({ epoch: 0, batch: 0 })
    expect(await run(row, folder, { resume: true })).toEqual(await run(row, fresh(), {}))
  })

  it('keeps what the caller gave', async () => {
    const folder = fresh()
    await run(row, folder, { checkpoint: { folder: join(folder, 'last.ckpt'), extra: () => ({ stage: 2 }) } })
    expect((await readCheckpoint(join(folder, 'last.ckpt')))?.extra).toEqual({ stage: 2 })
  })

  it.each<[string, FitOptions, Partial<Parameters<Model['compile']>[0]>, RegExp]>([
    ['batch size', { batchSize: 8 }, {}, /batchSize was 4, is 8$/],
    ['seed', { seed: 7 }, {}, /seed was 0, is 7$/],
    ['order', { shuffle: true }, {}, /shuffle was false, is true$/],
    ['optimizer', {}, { optimizer: 'sgd' }, /optimizer was "RMSprop", is "SGD", and \d more changed$/],
    ['beginning of a walk', { stepsPerEpoch: 2, initialEpoch: 1 }, {}, /stepsPerEpoch was not given, is 2, and 1 more changed$/],
    ['setting of the optimizer', {}, { optimizer: rmsprop({ momentum: 0.6 }) }, /optimizer\.momentum was 0\.5, is 0\.6$/],
    ['loss', {}, { loss: 'meanSquaredError' }, /loss was "categorical_crossentropy", is "mean_squared_error"/],
    ['metric', {}, { metrics: [] }, /metrics was "accuracy", is ""$/],
  ])('refuses another %s and names it', async (_, options, compile, says) => {
    const folder = fresh()
    await run(row, folder, {})
    const make = (): Model => compiled(row.make(), { optimizer: rmsprop({ momentum: 0.5 }), ...compile })
    await expect(run({ ...row, make }, folder, { resume: true, ...options })).rejects.toThrow(says)
  })

  it('refuses other data', async () => {
    const folder = fresh()
    await run(row, folder, {})
    const net = row.make()
    const checkpoint = { folder: join(folder, 'last.ckpt') }
    const other = part(training, 0, 12)
    await expect(net.fit(other.x, other.y, { ...row.options(folder), batchSize: 4, checkpoint, resume: true })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/number of samples was 18, is 12, and 2 more changed$/) as string,
    })
  })

  it('refuses another frozen trunk', async () => {
    const frozen = cases[3] ?? expect.fail('no case')
    const folder = fresh()
    await run(frozen, folder, {})
    const make = (): Model => {
      const net = frozen.make()
      const [kernel] = net.weights
      kernel?.assign(new Float32Array(3 * 3 * 3 * 4).fill(0.1))
      return net
    }
    await expect(run({ ...frozen, make }, folder, { resume: true })).rejects.toThrow(
      /frozen part of the network was "\w+", is "\w+", and 1 more changed$/,
    )
  })

  it('refuses other frozen weights behind a layer that trains', async () => {
    const folder = fresh()
    const make = (value: number): Model => {
      const net = residualNet()
      const layer = net.layers.at(-1) ?? expect.fail('no layer')
      layer.trainable = false
      layer.weights[0]?.assign(new Float32Array(layer.weights[0].value().data.length).fill(value))
      return compiled(net, { optimizer: 'adam' })
    }
    const frozen = { ...row, make: () => make(0.1) }
    await run(frozen, folder, {})
    await run(frozen, folder, { resume: true })
    await expect(run({ ...row, make: () => make(0.2) }, folder, { resume: true })).rejects.toThrow(/frozen weights was "\w+", is "\w+"$/)
  })

  it('refuses a damaged checkpoint, wherever the damage is', async () => {
    const folder = fresh()
    await run(row, folder, {})
    const path = checkpointPath(join(folder, 'last.ckpt'))
    const bytes = readFileSync(path)
    const rng = random('damage')
    for (let i = 0; i < 40; i++) {
      const broken = Buffer.from(bytes)
      const at = rng.integer(bytes.length)
      broken[at] = (broken[at] ?? 0) ^ (1 << rng.integer(8))
      writeFileSync(path, broken)
      await expect(run(row, folder, { resume: true }), `byte ${at}`).rejects.toMatchObject({ code: 'FORMAT' })
    }
    writeFileSync(path, bytes.subarray(0, bytes.length - 3))
    await expect(run(row, folder, { resume: true })).rejects.toThrow(/^Cannot resume from .*state\.safetensors: /)
  })

  it.each<[string, FitOptions, RegExp]>([
    ['resume without a folder', { resume: true }, /^Cannot resume: found no checkpoint\.folder/],
    ['a folder without a name', { checkpoint: { folder: '' } }, /Invalid checkpoint\.folder/],
    ['half a batch', { checkpoint: { folder: 'x', everyBatches: 0.5 } }, /Invalid checkpoint\.everyBatches: found 0\.5/],
    ['negative seconds', { checkpoint: { folder: 'x', everySeconds: -1 } }, /Invalid checkpoint\.everySeconds: found -1/],
  ])('refuses %s', async (_, options, says) => {
    await expect(row.make().fit(training.x, training.y, options)).rejects.toThrow(says)
  })

  it('lets no second run use the folder', async () => {
    const folder = fresh()
    let second: unknown
    const onEpochBegin = async (): Promise<void> => {
      second ??= await run(row, folder, {}).catch((error: unknown) => error)
    }
    await run(row, folder, { callbacks: [{ ...seen('intruder'), onEpochBegin }] })
    expect(second).toMatchObject({ code: 'USAGE', message: expect.stringContaining(`process ${process.pid} is training there`) as string })
  })

  it('waits for the end of an epoch where a metric keeps its sums to itself', async () => {
    const folder = fresh()
    let right = 0
    const silent = {
      name: 'silent',
      direction: 'max',
      update: () => void right++,
      result: () => right,
      reset: () => void (right = 0),
    } as const
    const make = (): Model => compiled(dropoutNet(), { metrics: [silent] })
    const stop = (event: TrainingEvent): void => {
      if (event.type === 'batchEnd' && event.epoch === 1 && event.batch === 2) throw new Killed()
    }
    const mine = { ...row, make }
    await expect(run(mine, folder, { onEvent: stop })).rejects.toThrow(Killed)
    expect(await readCheckpoint(join(folder, 'last.ckpt'))).toMatchObject({ epoch: 1, batch: 0 })
    expect(await run(mine, folder, { resume: true })).toEqual(await run(mine, fresh(), {}))
  })

  it('shows the last gradients to a callback of an epoch whose batches were all done', async () => {
    const folder = fresh()
    const seenBy = async (more: FitOptions, into: string): Promise<number[][]> => {
      const found: number[][] = []
      const watch: Callback = {
        ...seen('watch'),
        wantsGradients: true,
        onEpochEnd: (_epoch, _logs, { model }) => void found.push(model.gradients().flatMap(({ values }) => Array.from(values.data))),
      }
      await run(row, into, { epochs: 1, callbacks: [watch], ...more })
      return found
    }
    const controller = new AbortController()
    const onEvent = (event: TrainingEvent): void => void (event.type === 'batchEnd' && event.batch === 4 && controller.abort())
    expect(await seenBy({ signal: controller.signal, onEvent }, folder)).toEqual([])
    const [expected = []] = await seenBy({}, fresh())
    expect(expected.length).toBeGreaterThan(0)
    expect(await seenBy({ resume: true }, folder)).toEqual([expected])
  })

  it('keeps the last sound checkpoint of a run that diverges', async () => {
    const folder = fresh()
    const make = (): Model => compiled(dropoutNet(), { optimizer: sgd({ learningRate: 1e38 }) })
    await expect(run({ ...row, make, options: () => ({ epochs: 3 }) }, folder, {})).rejects.toMatchObject({ code: 'NAN_LOSS' })
    const net = make()
    await expect(
      net.fit(training.x, training.y, { batchSize: 4, epochs: 3, checkpoint: { folder: join(folder, 'last.ckpt') }, resume: true }),
    ).rejects.toMatchObject({ code: 'NAN_LOSS' })
  })
})
