import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Callback } from '../callback.ts'
import type { Logs } from '../events.ts'
import { csvLogger } from './csv-logger.ts'
import { fakeControl } from './drive.cases.ts'
import { fileGoldens } from './golden.cases.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'rootstock-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const file = () => join(folder, 'log.csv')
const text = () => readFileSync(file(), 'utf8')
const { control } = fakeControl()
const begin = (callback: Callback) => void callback.onTrainBegin?.(control)
const end = (callback: Callback, epoch: number, logs: Logs) => void callback.onEpochEnd?.(epoch, logs, control)

describe('csvLogger', () => {
  it.each(fileGoldens.csv.map((row, i) => ({ ...row, i })))(
    'writes the bytes that Keras writes: $i $args',
    ({ args, runs, file: expected }) => {
      const callback = csvLogger(file(), args)
      for (const epochs of runs) {
        begin(callback)
        epochs.forEach((logs, epoch) => end(callback, epoch, numbers(logs)))
      }
      expect(text()).toBe(expected)
    },
  )

  it('covers every golden', () => expect(fileGoldens.csv.length).toBe(6))

  it('shows each line when its epoch is over', () => {
    const callback = csvLogger(file())
    begin(callback)
    expect(text()).toBe('')
    end(callback, 0, { loss: 1, val_loss: 2 })
    expect(text()).toBe('epoch,loss,val_loss\r\n0,1.0,2.0\r\n')
  })

  it('appends to a file of another process without a second header', () => {
    writeFileSync(file(), 'epoch,loss,val_loss\r\n0,1.0,2.0\r\n')
    const callback = csvLogger(file(), { append: true })
    begin(callback)
    end(callback, 1, { loss: 3, val_loss: 4 })
    expect(text()).toBe('epoch,loss,val_loss\r\n0,1.0,2.0\r\n1,3.0,4.0\r\n')
  })

  it('drops the lines after the checkpoint when a run is resumed', () => {
    const first = csvLogger(file(), { append: true })
    begin(first)
    end(first, 0, { loss: 1, val_loss: 2 })
    const state = JSON.parse(JSON.stringify(first.state?.())) as unknown
    end(first, 1, { loss: 3, val_loss: 4 })
    const second = csvLogger(file(), { append: true })
    begin(second)
    second.restore?.(state)
    end(second, 1, { val_loss: 6 })
    expect(text()).toBe('epoch,loss,val_loss\r\n0,1.0,2.0\r\n1,NA,6.0\r\n')
  })

  it('names the file that cannot be written', () => {
    expect(() => begin(csvLogger('/dev/null/log.csv'))).toThrow(expect.objectContaining({ code: 'FILE' }))
  })

  it.each([
    ['', 'x.csv'],
    [',,', 'x.csv'],
    ['"', 'x.csv'],
    ['\n', 'x.csv'],
    [',', ''],
  ])('refuses the separator %j for %j', (separator, name) => {
    expect(() => csvLogger(name, { separator })).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })
})

/** JSON has no NaN and no infinity. */
function numbers(logs: Readonly<Record<string, number | string>>): Logs {
  return Object.fromEntries(Object.entries(logs).map(([key, value]) => [key, value === 'inf' ? Infinity : Number(value)]))
}
