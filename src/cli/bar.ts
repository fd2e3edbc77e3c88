/** @file A progress bar of one line that is redrawn in place. */
import { columnsOf, oneLine } from './one-line.ts'
import type { ProgressOutput } from './terminal.ts'

/** How far something is. */
export interface BarState {
  readonly label: string
  readonly done: number
  readonly total: number
  /** Since the start. */
  readonly seconds: number
  /** What the rate counts: "photos". */
  readonly unit: string
  /** How many of them there were; default `done`. */
  readonly counted?: number
  /** Figures at the end of the line. */
  readonly extra?: string
}

/** The redrawn line. */
export interface Bar {
  /** Redraws, but no more than ten times a second. */
  update(state: BarState): void
  /** Wipes the line, so that another one can be written. */
  clear(): void
}

const LEAST_INTERVAL_MS = 100
const WIPE = '\r\x1b[K'

/** A bar on a live terminal; nothing elsewhere. */
export function createBar(output: ProgressOutput, clock: () => number): Bar {
  let drawnAt = -Infinity
  let drawn = 0
  // A terminal that became narrower has broken the line into several.
  const wipe = (): string => {
    const rows = Math.ceil(drawn / output.columns())
    return rows > 1 ? `\x1b[${rows - 1}A\r\x1b[J` : WIPE
  }
  return {
    update(state) {
      if (!output.isLive || clock() - drawnAt < LEAST_INTERVAL_MS) return
      drawnAt = clock()
      // The last column stays free: writing there makes some terminals wrap.
      const line = drawBar(state, output.columns() - 1)
      output.write(wipe() + line)
      drawn = columnsOf(line)
    },
    clear() {
      if (drawn > 0) output.write(wipe())
      drawn = 0
    },
  }
}

/** A bar that knows how long it has been there. */
export interface TimedBar {
  readonly update: (done: number, total: number) => void
  readonly clear: () => void
}

/** A bar whose time runs from now. */
export function timedBar(output: ProgressOutput, { label, unit }: Pick<BarState, 'label' | 'unit'>): TimedBar {
  const bar = createBar(output, () => performance.now())
  const started = performance.now()
  const update = (done: number, total: number): void =>
    bar.update({ label, unit, done, total, seconds: (performance.now() - started) / 1000 })
  return { update, clear: () => bar.clear() }
}

/** The bar as text of at most `width` columns; where the line is short, the bar goes first, then the figures, the rate, the time left. */
export function drawBar(state: BarState, width: number): string {
  const { label, done, total, extra = '' } = state
  const [name, count, rate, left] = [oneLine(label), `${done}/${total}`, rateOf(state), timeLeft(state)]
  const rows = [
    [name, count, rate, left, extra],
    [name, count, rate, left],
    [name, count, left],
    [name, count],
  ].map((row) => row.filter((part) => part !== ''))
  const fits = (row: readonly string[] = []): boolean => columnsOf(row.join('  ')) <= width
  // Figures may be cut off; what stands before them is whole or not there.
  const parts = (fits(rows[1]) ? rows[0] : rows.find(fits)) ?? [name, count]
  const room = width - columnsOf(parts.join('  ')) - 4
  if (room >= 6) parts.splice(1, 0, strip(total > 0 ? done / total : 0, Math.min(room, 30)))
  return cut(parts.join('  '), width)
}

function cut(text: string, width: number): string {
  const characters = [...text]
  while (characters.length > 0 && columnsOf(characters.join('')) > width) characters.pop()
  return characters.join('')
}

/** "412 photos/s", or nothing before anything is done. */
export function rateOf({ done, counted = done, seconds, unit }: Pick<BarState, 'done' | 'counted' | 'seconds' | 'unit'>): string {
  if (counted === 0 || seconds <= 0) return ''
  const rate = counted / seconds
  // Two digits of 99.6 would be 1.0e+2.
  return `${rate >= 99.5 ? Math.round(rate) : rate.toPrecision(2)} ${unit}/s`
}

/** "75 s" as "1 min 15 s". */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

function timeLeft({ done, total, seconds }: BarState): string {
  if (done === 0 || total <= done) return ''
  return `${duration(Math.ceil((seconds / done) * (total - done)))} left`
}

function strip(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return `[${'='.repeat(full)}${' '.repeat(width - full)}]`
}
