/** @file Several ways to do the same work, measured by turns, since only ratios hold on a shared machine. */

export interface Turns {
  /** Median seconds of one turn. */
  readonly ours: number
  readonly bare: number
  /** Median over the turns of bare time by our time: 1 where we add nothing, less where we do. */
  readonly ratio: number
  readonly turns: number
}

/** How long turns are taken: until both are reached. */
export interface Patience {
  readonly seconds: number
  readonly turns: number
}

/** Lets both sides run by turns for at least so many seconds and five turns each, after one turn each that does not count. */
export async function takeTurns(ours: () => Promise<unknown>, bare: () => Promise<unknown>, seconds: number): Promise<Turns> {
  await ours()
  await bare()
  const turns = await turnsOf([() => timed(ours), () => timed(bare)], { seconds, turns: 5 })
  const column = (side: number): number[] => turns.map((times) => times[side]!)
  // Both sides of one turn saw the same machine, so their ratio is steadier than that of the medians.
  const ratio = median(turns.map(([time, bareTime]) => bareTime! / time!))
  return { ours: median(column(0)), bare: median(column(1)), ratio, turns: turns.length }
}

/** What each side measured in each turn; who begins changes from turn to turn. */
export async function turnsOf<T>(sides: readonly (() => Promise<T>)[], { seconds, turns }: Patience): Promise<T[][]> {
  const measured: T[][] = []
  const end = performance.now() + seconds * 1000
  while (measured.length < turns || performance.now() < end) {
    const turn = new Array<T>(sides.length)
    const order = [...sides.entries()]
    for (const [i, side] of measured.length % 2 === 0 ? order : order.reverse()) turn[i] = await side()
    measured.push(turn)
  }
  return measured
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
