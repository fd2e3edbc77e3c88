import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RootstockError } from '../../errors.ts'
import { eventWriter, readEventFile } from './event-file.ts'
import { frameRecord, maskedChecksum, readRecords } from './records.ts'
import { numbersOf, seriesByTag } from './series.ts'
import { histogramSummary, imageSummary, kerasModelSummary, scalarSummary } from './summaries.ts'

let folder = ''
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'rootstock-'))))
afterAll(() => rmSync(folder, { recursive: true }))

describe('maskedChecksum', () => {
  // CRC-32C of "123456789" is e3069283 (RFC 3720); the mask is TensorFlow's.
  it('is the masked CRC-32C', () =>
    expect(maskedChecksum(Buffer.from('123456789'))).toBe((((0xe3069283 >>> 15) | (0xe3069283 << 17)) + 0xa282ead8) >>> 0))
})

describe('readRecords', () => {
  const records = [Buffer.from('one'), Buffer.alloc(0), Buffer.from('three')]
  const file = Buffer.concat(records.map(frameRecord))

  it('gives back what was framed', () =>
    expect(readRecords(file)).toEqual({ records: records.map((r) => new Uint8Array(r)), size: file.length, fault: undefined }))

  it('keeps the whole records of a file cut at any byte', () => {
    const ends = [0, 19, 35, 56]
    for (let cut = 0; cut <= file.length; cut++) {
      const whole = ends.filter((end) => end <= cut).length - 1
      const found = readRecords(file.subarray(0, cut))
      expect(found.records.map(String)).toEqual(records.slice(0, whole).map((record) => String(new Uint8Array(record))))
      expect(found.fault).toBe(ends.includes(cut) ? undefined : 'cut')
    }
  })

  it('notices every changed bit', () => {
    for (let bit = 0; bit < file.length * 8; bit++) {
      const changed = Uint8Array.from(file)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      const found = readRecords(changed)
      expect(found.fault).toBeDefined()
      expect(found.records.length).toBe([19, 35, 56].filter((end) => end <= bit >> 3).length)
    }
  })

  it('reads any bytes without an error', () => fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void readRecords(bytes))))
})

describe('eventWriter', () => {
  it('writes what readEventFile reads', () => {
    const writer = eventWriter(join(folder, 'new/train'), () => 1_700_000_000_500)
    writer.add(0, [kerasModelSummary('{"ä":1}'), imageSummary('w/image', { width: 2, height: 1, files: [Uint8Array.of(1, 2)] })])
    writer.add(7, [scalarSummary('epoch_loss', 0.1), scalarSummary('epoch_loss', NaN), histogramSummary('w/histogram', [1, 2])])
    writer.addGraph(Uint8Array.of(1))
    expect(existsSync(writer.path)).toBe(false)
    writer.flush()
    writer.flush()
    const { events, fault } = readEventFile(writer.path)
    expect(fault).toBeUndefined()
    expect(events.map(({ what }) => what.case)).toEqual(['fileVersion', 'summary', 'summary', 'summary', 'summary', 'summary', 'graphDef'])
    expect(events[0]).toMatchObject({
      wallTime: 1_700_000_000.5,
      what: { value: 'brain.Event:2' },
      sourceMetadata: { writer: 'rootstock' },
    })
    const series = seriesByTag(events)
    expect([...series].map(([tag, { plugin, steps }]) => [tag, plugin, steps])).toEqual([
      ['keras', 'graph_keras_model', [0]],
      ['w/image', 'images', [0]],
      ['epoch_loss', 'scalars', [7, 7]],
      ['w/histogram', 'histograms', [7]],
    ])
    expect(series.get('epoch_loss')?.values.map(numbersOf)).toEqual([[Math.fround(0.1)], [NaN]])
    expect(numbersOf(series.get('w/histogram')!.values[0]!).slice(-3)).toEqual(
      [2 - 1 / 30, 2, 1].map((x, i) => (i === 0 ? 1 + (1 / 30) * 29 : x)),
    )
    expect(series.get('w/image')?.values[0]?.value).toMatchObject({
      value: { stringVal: [Buffer.from('2'), Buffer.from('1'), Uint8Array.of(1, 2)].map((b) => new Uint8Array(b)) },
    })
    expect(dirname(writer.path)).toBe(join(folder, 'new/train'))
    expect(writer.path).toMatch(/events\.out\.tfevents\.1700000000\./)
  })

  it('gives every file of a folder a name of its own', () => {
    const now = () => 0
    expect(eventWriter(folder, now).path).not.toBe(eventWriter(folder, now).path)
  })

  it('keeps what could not be written', () => {
    const writer = eventWriter('/dev/null/logs')
    expect(() => writer.flush()).toThrow(expect.objectContaining({ code: 'FILE' }))
    expect(() => writer.flush()).toThrow(expect.objectContaining({ code: 'FILE' }))
  })
})

describe('readEventFile', () => {
  it('keeps the events before a cut at any byte', () => {
    const writer = eventWriter(join(folder, 'cut'))
    for (let step = 0; step < 4; step++) writer.add(step, [scalarSummary('loss', step)])
    writer.flush()
    const file = readFileSync(writer.path)
    let before = 0
    for (let cut = 0; cut <= file.length; cut++) {
      const { events, size } = readEventFile(file.subarray(0, cut))
      expect(size).toBeLessThanOrEqual(cut)
      expect(events.length - before).toBeLessThanOrEqual(1)
      before = events.length
    }
    expect(before).toBe(5)
  })

  it('refuses a record that is no event', () => {
    expect(() => readEventFile(frameRecord(Uint8Array.of(255, 255)))).toThrow(RootstockError)
  })

  it('names a file that is not there', () =>
    expect(() => readEventFile(join(folder, 'none'))).toThrow(expect.objectContaining({ code: 'FILE' })))
})

const shared = new URL('../../../../shared/data/tensorboard/', import.meta.url).pathname
const name = 'readEventFile reads the files of TensorFlow (needs ../shared/data/tensorboard)'
if (existsSync(shared)) describe(name, () => readShared())
else describe.skip(name, () => it('is absent', () => undefined))

function readShared(): void {
  const files = readdirSync(shared, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('tfevents'))
  it.each(files)('%s', (path) => {
    const { events, fault } = readEventFile(join(shared, path))
    expect(fault).toBeUndefined()
    expect(events[0]?.what).toEqual({ case: 'fileVersion', value: 'brain.Event:2' })
    const series = seriesByTag(events)
    const losses = [...series].filter(([tag, { plugin }]) => tag.includes('loss') && plugin === 'scalars')
    expect(losses.length).toBeGreaterThan(0)
    for (const [, { values }] of losses) expect(values.flatMap(numbersOf).every((loss) => loss > 0 && loss < 100)).toBe(true)
  })
}
