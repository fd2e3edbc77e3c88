/** @file Measures one row of the comparison and prints its lines of the table. */
import { join } from 'node:path'
import { turnsOf, type Patience } from '../turns.ts'
import type { Job, Row } from './rows.ts'
import { startSide, type Side } from './sides.ts'
import { lineOf } from './table.ts'

export interface Place {
  readonly root: string
  readonly python: string
  readonly patience: Patience
}

type Command = readonly [string, ...string[]]

/** Lets all sides of a row take turns. */
export async function measure(row: Row, place: Place): Promise<void> {
  const commands = [...row.ours.map(({ settings }) => oursCommand({ ...row.job, ...settings }, place)), peerCommand(row, place)]
  const sides: Side[] = []
  try {
    for (const command of commands) sides.push(await startSide(command))
    const runs = sides.map((side) => () => side.run())
    printLines(row, await turnsOf(runs, place.patience), sides.at(-1)?.how)
  } finally {
    for (const side of sides) await side.stop()
  }
}

/** One line for each way of ours; `turns` has the peer's figure last. */
function printLines(row: Row, turns: readonly (readonly number[])[], how = ''): void {
  const column = (side: number): number[] => turns.map((figures) => figures[side]!)
  row.ours.forEach(({ label, targets }, i) => {
    const peer = [row.peerLabel, how].filter(Boolean).join(', ')
    const show = (seconds: number): string => `${(row.job.photos / seconds).toFixed(1)} photos/s`
    console.log(lineOf({ what: label, peer, ours: column(i), theirs: column(row.ours.length), target: targets.time, show }))
  })
}

function oursCommand(job: Job, { root }: Place): Command {
  return [process.execPath, '--import', 'tsx', join(root, 'bench/peers/ours.ts'), JSON.stringify(job)]
}

function peerCommand({ peer, job }: Row, { root, python }: Place): Command {
  return [python, join(root, `bench/peers/${peer}_side.py`), JSON.stringify(job)]
}
