/** @file `rootstock find-rate`: the learning rate for a folder of photos, and the curve that it was read from. */
import type { ClassifierRates } from '../transfer/index.ts'
import { command } from './command.ts'
import { choice, count, positive, quantity, share, word } from './flag-values.ts'
import { classWeight, head, PREPROCESSINGS, unfreezeFrom } from './head-flags.ts'
import { NETWORKS, WEIGHTS } from './network-names.ts'
import { oneLine } from './one-line.ts'
import { checkPlaces, formOf } from './output-file.ts'
import { followLinks } from './photo-flags.ts'
import { trainingProgress } from './progress.ts'
import type { Terminal } from './terminal.ts'

const FORMS = ['svg', 'png'] as const

export const findRate = command({
  name: 'find-rate',
  summary: 'Try learning rates on a folder of photos: a short training with a growing rate, its curve as a picture, and a rate to take.',
  operands: [
    { name: 'FOLDER', description: 'A folder with one folder per class, or with train/, validation/ and test/', completes: 'folders' },
  ],
  flags: {
    out: word('FILE', 'The picture, .svg or .png; default learning_rates.svg and learning_rates.png here'),
    from: quantity('R', 'The first rate; default 0.000001', positive),
    to: quantity('R', 'The last rate; default 1', positive),
    steps: count('N', 'Rates to try, one for each step; default 100', 10),
    network: word('NAME', 'As in train; default mobilenet', NETWORKS),
    alpha: quantity('A', 'Width of mobilenet: 0.25, 0.5, 0.75 or 1; default as in train', positive),
    size: count('PIXELS', "Height and width of the network's input; default as in train"),
    weights: word('FILE', 'imagenet, embedded, none, or an .h5 file; default as in train', WEIGHTS),
    batchSize: count('N', 'Photos per step; default 32'),
    preprocessing: choice('HOW', 'As in train; default what the network was trained on', PREPROCESSINGS),
    head,
    unfreezeFrom,
    classWeight,
    duplicates: choice('HOW', 'near (default) or exact, as in train', ['near', 'exact'] as const),
    followLinks,
    validation: quantity('SHARE', 'As in train; photos held out are not trained on here either', share),
    test: quantity('SHARE', 'As in train', share),
    seed: count('S', 'Of weights, order and split; give train the same; default 0', 0),
  },
  examples: [
    'rootstock find-rate photos',
    'rootstock find-rate photos --network resnet50 --unfreeze-from conv5_block1_1_conv --to 0.1 --out rates.png',
  ],
  run: async ({ operands: [folder = ''], flags: { out, ...asked }, terminal, signal }) => {
    const files = out === undefined ? FORMS.map((form) => `learning_rates.${form}`) : [out]
    const forms = files.map((file) => formOf(file, FORMS))
    await checkPlaces(files)
    const { findClassifierRate } = await import('../transfer/index.ts')
    const progress = trainingProgress(terminal.progress)
    try {
      const found = await findClassifierRate(folder, { ...asked, onEvent: progress.onEvent, signal })
      progress.finish()
      const { plotLearningRates } = await import('../report/index.ts')
      const { atomicWrite } = await import('../files/index.ts')
      const { network, rates, losses, suggested } = found
      const { svg, png } = plotLearningRates(rates, losses, { title: `Loss by learning rate: ${network}`, ...(suggested && { suggested }) })
      for (const [i, file] of files.entries()) await atomicWrite(file, forms[i] === 'svg' ? Buffer.from(svg) : png)
      show(found, files, terminal)
      return { json: { ...found, suggested: suggested ?? null, command: found.command ?? null, files } }
    } finally {
      progress.finish()
    }
  },
})

function show({ rates, suggested, photos, command: next }: ClassifierRates, files: readonly string[], { print, colors }: Terminal): void {
  const [first = NaN, last = NaN] = [rates[0], rates.at(-1)]
  print(`${files.map(oneLine).join(', ')}: ${rates.length} rates from ${short(first)} to ${short(last)}, ${photos} photos`)
  if (suggested === undefined || next === undefined) return print('The loss falls at none of them: give another --from and --to')
  print(`The loss falls fastest at ${short(suggested)}`)
  print(colors.bold(oneLine(next)))
}

const short = (rate: number): string => String(Number(rate.toPrecision(2)))
