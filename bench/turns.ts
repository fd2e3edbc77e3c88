/** @file Two ways to do the same work, timed by turns in one process, since only ratios hold on a shared machine. */

export interface Turns {
  /** Median seconds of one turn. */
  readonly ours: number
  readonly bare: number
  /** Median over the turns of bare time by our time: 1 where we add nothing, less where we do. */
  readonly ratio: number
  readonly turns: number
}

/** Lets both sides run by turns for at least so many seconds and five turns each; who begins changes from turn to turn. */
export async function takeTurns(ours: () => Promise<unknown>, bare: () => Promise<unknown>, seconds: number): Promise<Turns> {
  await ours()
  await bare()
  const times: { ours: number[]; bare: number[] } = { ours: [], bare: [] }
  const end = performance.now() + seconds * 1000
  for (let turn = 0; turn < 5 || performance.now() < end; turn++) {
    const order = turn % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const)
    for (const side of order) times[side].push(await timed(side === 'ours' ? ours : bare))
  }
  // Both sides of one turn saw the same machine, so their ratio is steadier than that of the medians.
  const ratio = median(times.bare.map((time, turn) => time / times.ours[turn]!))
  return { ours: median(times.ours), bare: median(times.bare), ratio, turns: times.ours.length }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
