/** @file Figures as lines of a markdown table. */
import { median } from '../turns.ts'

export interface Line {
  readonly what: string
  readonly peer: string
  /** Of each turn, ours and the peer's; seconds or megabytes, so less is better. */
  readonly ours: readonly number[]
  readonly theirs: readonly number[]
  readonly target: number | undefined
  readonly show: (figure: number) => string
}

export const head = `| what | against | ours | theirs | ratio (least to most) | target | reached | turns |\n|${'---|'.repeat(8)}`

/** The ratio is the median of the turns' ratios, since both sides of a turn saw the same machine. */
export function lineOf({ what, peer, ours, theirs, target, show }: Line): string {
  const ratios = theirs.map((figure, turn) => figure / ours[turn]!)
  const ratio = median(ratios)
  const range = `${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`
  const reached = target === undefined ? '' : ratio >= target ? 'yes' : 'no'
  const cells = [what, peer, show(median(ours)), show(median(theirs)), range, target ?? '', reached, ratios.length]
  return `| ${cells.join(' | ')} |`
}
