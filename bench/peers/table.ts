/** @file Figures as lines of a markdown table. */
import { median } from '../turns.ts'
import type { Figures } from './sides.ts'

export interface Line {
  readonly what: string
  readonly peer: string
  /** The figures of each turn. */
  readonly pairs: readonly (readonly [ours: Figures, theirs: Figures])[]
  /** What is compared; less is better. */
  readonly of: (figures: Figures) => number
  readonly show: (figure: number) => string
  readonly target: number | undefined
  /** Whether time is compared, so that the time of the processors tells something, too. */
  readonly isTime: boolean
}

export const head = `| what | against | ours | theirs | ratio (least to most) | by processor time | target | reached | turns |\n|${'---|'.repeat(9)}`

/** The ratio is the median of the turns' ratios, since both sides of a turn saw the same machine. */
export function lineOf({ what, peer, pairs, of, show, target, isTime }: Line): string {
  const ratios = pairs.map(([ours, theirs]) => of(theirs) / of(ours))
  const ratio = median(ratios)
  const range = `${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`
  const busy = isTime ? median(pairs.map(([ours, theirs]) => theirs.busy / ours.busy)).toFixed(2) : ''
  const reached = target === undefined ? '' : ratio >= target ? 'yes' : 'no'
  const [mine, theirs] = [0, 1].map((side) => show(median(pairs.map((pair) => of(pair[side]!)))))
  return `| ${[what, peer, mine, theirs, range, busy, target ?? '', reached, pairs.length].join(' | ')} |`
}
