/** @file `rootstock plot`: the curves of a run, drawn again from its history. */
import { stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { command } from './command.ts'
import { word } from './flag-values.ts'
import { oneLine } from './one-line.ts'
import { formOf } from './output-file.ts'
import { counted } from './table.ts'

export const plot = command({
  name: 'plot',
  summary: 'Draw the curves of a run again: accuracy, loss, learning rate.',
  operands: [{ name: 'RUN', description: 'The folder of a run, or a CSV file with the figures of every epoch', completes: 'runs' }],
  flags: {
    out: word('FILE', "The picture, .svg or .png; default results.svg and results.png in the run's folder, or beside the CSV file"),
    title: word('TEXT', 'Above the curves; default the name of the run'),
  },
  examples: ['rootstock plot runs/pets', 'rootstock plot training.csv --out curves.png --title "Second try"'],
  run: async ({ operands: [run = ''], flags, terminal: { print } }) => {
    const form = flags.out === undefined ? undefined : formOf(flags.out, ['svg', 'png'])
    const { readHistory } = await import('../transfer/index.ts')
    const { plotTraining } = await import('../report/index.ts')
    const { atomicWrite } = await import('../files/index.ts')
    const isFolder = (await stat(run).catch(() => undefined))?.isDirectory() ?? false
    const history = await readHistory(isFolder ? join(run, 'history.csv') : run)
    const { svg, png } = plotTraining(history, { title: flags.title ?? basename(resolve(run)).replace(/\.csv$/i, '') })
    const base = isFolder ? join(run, 'results') : run.replace(/\.csv$/i, '')
    const files = flags.out === undefined ? [`${base}.svg`, `${base}.png`] : [flags.out]
    for (const file of files) await atomicWrite(file, (form ?? formOf(file, ['svg', 'png'])) === 'svg' ? Buffer.from(svg) : png)
    const epochs = Math.max(0, ...Object.values(history).map(({ length }) => length))
    print(`${files.map(oneLine).join(', ')}: ${counted(epochs, 'epoch')} of ${oneLine(Object.keys(history).join(', '))}`)
    return { json: { files, epochs, metrics: Object.keys(history) } }
  },
})
