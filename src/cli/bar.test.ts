/** @file The progress bar at every width, and on a terminal that changes its width. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBar, drawBar, rateOf, type BarState } from './bar.ts'
import { columnsOf } from './one-line.ts'
import { openTerminal } from './terminal.ts'

const state: BarState = {
  label: 'Features train',
  done: 120,
  total: 480,
  seconds: 10,
  unit: 'photos',
  extra: 'loss 0.3112  accuracy 0.8800',
}

describe('drawBar', () => {
  it('shows bar, count, rate, time left and figures where there is room', () => {
    expect(drawBar(state, 110)).toMatch(
      /^Features train {2}\[={7} {21,22}\] {2}120\/480 {2}12 photos\/s {2}30 s left {2}loss 0\.3112 {2}accuracy 0\.8800$/,
    )
  })

  it('gives up the bar first, then figures, the rate, the time left', () => {
    expect(drawBar(state, 79)).toBe('Features train  120/480  12 photos/s  30 s left  loss 0.3112  accuracy 0.8800')
    expect(drawBar(state, 60)).toBe('Features train  120/480  12 photos/s  30 s left  loss 0.3112')
    expect(drawBar(state, 39)).toBe('Features train  120/480  30 s left')
    expect(drawBar(state, 30)).toBe('Features train  120/480')
    expect(drawBar(state, 10)).toBe('Features t')
  })

  it('counts columns, of which letters of China, Japan and Korea have two', () => {
    const named = { ...state, label: 'Writing 猫と犬', extra: '' }
    expect(drawBar(named, 34)).toBe('Writing 猫と犬  120/480  30 s left')
    expect(drawBar(named, 23)).toBe('Writing 猫と犬  120/480')
    expect(drawBar(named, 9)).toBe('Writing ')
  })

  it('is never wider than the line', () => {
    const number = fc.integer({ min: 0, max: 10_000 })
    const states = fc.record({
      label: fc.string({ unit: 'grapheme' }),
      done: number,
      total: number,
      seconds: fc.float({ min: 0, noNaN: true }),
      unit: fc.constant('photos'),
      extra: fc.string(),
    })
    fc.assert(
      fc.property(states, fc.integer({ min: 0, max: 200 }), (made, width) => {
        expect(columnsOf(drawBar({ ...made, extra: '' }, width))).toBeLessThanOrEqual(width)
      }),
      { seed: 1 },
    )
  })
})

it.each([
  [99.4, '99 photos/s'],
  [99.6, '100 photos/s'],
  [1234.5, '1235 photos/s'],
  [0.25, '0.25 photos/s'],
])('a rate of %f is "%s"', (rate, text) => {
  expect(rateOf({ done: rate * 10, seconds: 10, unit: 'photos' })).toBe(text)
})

describe('createBar', () => {
  const open = (isTTY: boolean): { written: string[]; stream: { isTTY: boolean; columns: number; write: (text: string) => void } } => {
    const written: string[] = []
    return { written, stream: { isTTY, columns: 80, write: (text) => void written.push(text) } }
  }

  it('draws ten times a second at most, and wipes what it drew', () => {
    const { written, stream } = open(true)
    let now = 0
    const bar = createBar(
      openTerminal({ json: false, quiet: false, color: false }, { stdout: stream, stderr: stream }, {}).progress,
      () => now,
    )
    bar.update(state)
    now = 50
    bar.update(state)
    now = 150
    bar.update(state)
    bar.clear()
    expect(written).toHaveLength(3)
    expect(written.at(-1)).toBe('\r\x1b[K')
  })

  it('wipes all rows of a line that a narrower terminal has broken', () => {
    const { written, stream } = open(true)
    const bar = createBar(
      openTerminal({ json: false, quiet: false, color: false }, { stdout: stream, stderr: stream }, {}).progress,
      () => 0,
    )
    bar.update(state)
    stream.columns = 30
    bar.clear()
    expect(written.at(-1)).toBe('\x1b[2A\r\x1b[J')
  })

  it('draws nothing where nobody looks on', () => {
    const { written, stream } = open(false)
    const bar = createBar(
      openTerminal({ json: false, quiet: false, color: false }, { stdout: stream, stderr: stream }, {}).progress,
      () => 0,
    )
    bar.update(state)
    bar.clear()
    expect(written).toEqual([])
  })
})
