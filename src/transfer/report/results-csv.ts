/** @file results.csv: the figures of every epoch under the names that Ultralytics uses, for tools that read those. */

/** Keras's key by column; a column without values is left out. */
const COLUMNS: readonly (readonly [column: string, key: string])[] = [
  ['train/loss', 'loss'],
  ['train/accuracy_top1', 'accuracy'],
  ['val/loss', 'val_loss'],
  ['metrics/accuracy_top1', 'val_accuracy'],
  ['lr/pg0', 'learning_rate'],
]

/** Keras's name for each column of such a file, or undefined where the columns have names of their own. `time` is no figure of training. */
export function kerasNames(columns: readonly string[]): ReadonlyMap<string, string> | undefined {
  const known = new Map(COLUMNS)
  const isOurs = columns.some((column) => known.has(column))
  return isOurs ? new Map(columns.flatMap((column) => (column === 'time' ? [] : [[column, known.get(column) ?? column]]))) : undefined
}

/**
 * One row per epoch, counted from 1. `time` is the seconds of all epochs up to this one; it is empty where this process did not see them.
 */
export function resultsCsv(history: Readonly<Record<string, readonly number[]>>, seconds: ReadonlyMap<number, number>): string {
  const columns = COLUMNS.filter(([, key]) => history[key] !== undefined)
  const epochs = Math.max(0, ...columns.map(([, key]) => history[key]?.length ?? 0))
  const lines = ['epoch,time,' + columns.map(([column]) => column).join(',')]
  let time: number | undefined = 0
  for (let epoch = 0; epoch < epochs; epoch++) {
    const taken = seconds.get(epoch)
    time = time === undefined || taken === undefined ? undefined : time + taken
    lines.push([epoch + 1, time?.toFixed(3) ?? '', ...columns.map(([, key]) => history[key]?.[epoch] ?? '')].join(','))
  }
  return `${lines.join('\n')}\n`
}
