import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCallbacks } from '../callback.ts'
import { drive, fakeControl } from './drive.cases.ts'
import { camelCase, goldens, series, title } from './golden.cases.ts'
import { modelCheckpoint } from './model-checkpoint.ts'

let folder = ''
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'rootstock-'))))
afterAll(() => rm(folder, { recursive: true }))

const names = (saved: readonly string[]) => saved.map((path) => basename(path))

describe('modelCheckpoint', () => {
  it.each(goldens.modelCheckpoint.map((row) => ({ title: title(row), row })))('saves what Keras saves: $title', async ({ row }) => {
    const filepath = join(folder, 'w.{epoch:02d}.weights.h5')
    const callback = modelCheckpoint({ filepath, monitor: row.monitor, saveWeightsOnly: true, ...camelCase(row.args) })
    const run = drive([callback], series(row.series), { monitor: row.monitor, directions: { accuracy: 'max' } })
    if (row.error !== undefined) return expect(run).rejects.toMatchObject({ code: 'UNKNOWN_NAME' })
    expect(names((await run).saved)).toEqual(row.files)
  })

  it('covers every golden', () => expect(goldens.modelCheckpoint.length).toBe(6))

  it('offers the metrics that there are', async () => {
    const callback = modelCheckpoint({ filepath: 'x.keras', monitor: 'val_acuracy' })
    await expect(drive([callback], [1], { directions: { accuracy: 'max' } })).rejects.toMatchObject({
      code: 'UNKNOWN_NAME',
      message: 'Cannot monitor "val_acuracy" in modelCheckpoint: the model has no such metric, it has loss, accuracy',
      hint: expect.stringContaining('"val_accuracy"') as string,
    })
  })

  it('chooses weights or the whole model by the suffix', async () => {
    for (const [name, kind] of [
      ['a.weights.h5', 'weights'],
      ['a.h5', 'model'],
      ['a.keras', 'model'],
    ] as const) {
      const { saved } = await drive([modelCheckpoint({ filepath: join(folder, name) })], [1])
      expect(saved).toEqual([`${kind}:${join(folder, name)}`])
    }
  })

  it('fills figures into the name and makes the folder', async () => {
    const { saved, events } = await drive([modelCheckpoint({ filepath: join(folder, 'new/{epoch:03d}-{val_loss:.4f}.keras') })], [0.1875])
    expect(names(saved)).toEqual(['001-0.1875.keras'])
    expect((await stat(join(folder, 'new'))).isDirectory()).toBe(true)
    expect(events).toEqual([{ type: 'checkpoint', path: join(folder, 'new', basename(saved[0] ?? '')), reason: 'end of the epoch' }])
  })

  it('removes what killed runs left in its folder, and nothing of those that live', async () => {
    const there = join(folder, 'left')
    await mkdir(there)
    const dead = spawnSync(process.execPath, ['-e', '']).pid
    const machine = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
    const hour = new Date(Date.now() - 3_600_000)
    const files = [
      ['old', dead, hour],
      ['young', dead, new Date()],
      ['living', process.pid, hour],
    ] as const
    for (const [name, pid, time] of files) {
      const path = join(there, `.${name}.${machine}-${pid}-0123abcd.tmp`)
      await writeFile(path, '')
      await utimes(path, time, time)
    }
    await drive([modelCheckpoint({ filepath: join(there, '{epoch}.keras') })], [1, 2])
    expect((await readdir(there)).map((name) => name.split('.')[1]).sort()).toEqual(['living', 'young'])
  })

  it('names the fields that there are when one is missing', async () => {
    await expect(drive([modelCheckpoint({ filepath: 'x{val_los:.2f}.keras' })], [1])).rejects.toMatchObject({
      code: 'UNKNOWN_NAME',
      hint: expect.stringContaining('val_loss') as string,
    })
  })

  it('warns once and saves when the figure is missing', async () => {
    const callback = modelCheckpoint({ filepath: join(folder, 'm.keras'), saveBestOnly: true })
    const { saved, events } = await drive([callback], [1, 2, 3], { monitor: 'loss' })
    expect(saved.length).toBe(3)
    expect(events.filter((event) => event.type === 'warning').length).toBe(1)
  })

  it('keeps its best value over several runs', async () => {
    const callback = modelCheckpoint({ filepath: join(folder, 'b.{epoch}.keras'), saveBestOnly: true })
    await drive([callback], [1, 0.5])
    expect(names((await drive([callback], [0.7, 0.4])).saved)).toEqual(['b.2.keras'])
    expect(callback.best).toBe(0.4)
  })

  it('hands its best value to a resumed run', async () => {
    const make = () => modelCheckpoint({ filepath: join(folder, 'r.{epoch}.keras'), saveBestOnly: true })
    const first = make()
    await drive([first], [1, 0.5])
    const states = [JSON.parse(JSON.stringify(first.state?.())) as unknown]
    expect(names((await drive([make()], [0, 0, 0.7, 0.4], { from: 2, states })).saved)).toEqual(['r.4.keras'])
  })

  it('counts batches across epochs', async () => {
    const callback = modelCheckpoint({ filepath: join(folder, '{epoch}-{batch:02d}-{loss:.1f}.keras'), saveFreq: 4 })
    const { control, driven } = fakeControl()
    await runCallbacks([callback], 'onTrainBegin', control)
    for (const epoch of [0, 1, 2]) {
      await runCallbacks([callback], 'onEpochBegin', epoch, control)
      for (const batch of [0, 1, 2]) await runCallbacks([callback], 'onTrainBatchEnd', batch, { loss: epoch + batch / 10 }, control)
      await runCallbacks([callback], 'onEpochEnd', epoch, { loss: epoch }, control)
    }
    expect(names(driven.saved)).toEqual(['2-01-1.0.keras', '3-02-2.1.keras'])
  })

  it('names the folder that cannot be made', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(drive([modelCheckpoint({ filepath: join(folder, 'file/sub/x.keras') })], [1])).rejects.toMatchObject({ code: 'FILE' })
  })

  it('says what it does when verbose', async () => {
    const callback = modelCheckpoint({ filepath: join(folder, 'v.keras'), saveBestOnly: true, verbose: 1 })
    const { events } = await drive([callback], [0.5, 0.6])
    expect(events.flatMap((event) => (event.type === 'message' ? [event.message] : []))).toEqual([
      `Epoch 1: val_loss improved from none to 0.50000, saved ${join(folder, 'v.keras')}`,
      'Epoch 2: val_loss did not improve from 0.50000',
    ])
  })

  it.each([
    [{ filepath: 'x.onnx' }, 'filepath is "x.onnx", expected a name that ends in .weights.h5, .keras or .h5'],
    [{ filepath: 'x.keras', saveWeightsOnly: true }, 'since saveWeightsOnly is true'],
    [{ filepath: 'x.weights.h5', saveWeightsOnly: false }, 'since saveWeightsOnly is false'],
    [{ filepath: 'x.keras', saveFreq: 0 }, 'saveFreq is 0'],
    [{ filepath: 'x.keras', saveFreq: 'batch' as 'epoch' }, 'saveFreq is "batch"'],
    [{ filepath: '{epoch:02q}.keras' }, '"02q" is no number format'],
    [{ filepath: '{epoch.keras' }, '"{" stands alone'],
    [{ filepath: '{}.keras' }, '"{}" is no field name'],
    [{ filepath: 'x.keras', initialValueThreshold: NaN }, 'initialValueThreshold is NaN'],
  ])('refuses %j', (options, message) => {
    expect(() => modelCheckpoint(options)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) as string }),
    )
  })
})
