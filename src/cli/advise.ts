/** @file `rootstock advise`: which network to take for a folder of photos. */
import type { AdviseEvent, NetworkAdvice } from '../transfer/index.ts'
import { createBar, duration, rateOf, type BarState } from './bar.ts'
import { command } from './command.ts'
import { choice, count, pair, positive, quantity, repeated, share, word } from './flag-values.ts'
import { oneLine } from './one-line.ts'
import { followLinks } from './photo-flags.ts'
import { alignColumns, counted, percent } from './table.ts'
import type { ProgressOutput, Terminal } from './terminal.ts'

export const advise = command({
  name: 'advise',
  summary: 'Compare networks on your own photos, and say which to take. A training with it then begins at once.',
  operands: [{ name: 'FOLDER', description: 'A folder with one folder per class, or with train/, validation/ and test/' }],
  flags: {
    network: repeated(word('NAME', 'Compare this network, fetching its weights, or all; default those on this machine. May be repeated')),
    alpha: repeated(quantity('A', 'A width of mobilenet to compare; default 0.25, 0.5, 0.75 and 1. May be repeated', positive)),
    weights: repeated(pair('NAME=FILE', 'A weight file without a top, and its network, as in mobilenet=own.h5. May be repeated')),
    photos: count('N', 'Photos to compare on, evenly from all classes; default 1000', 10),
    folds: count('N', 'Parts of the photos, each of which is the test once; default 5', 2),
    duplicates: choice('HOW', 'near (default) finds resized and re-encoded copies too; exact compares bytes', ['near', 'exact'] as const),
    followLinks,
    validation: quantity('SHARE', 'As in train; the photos compared on are those of training and validation', share),
    test: quantity('SHARE', 'As in train: photos that are left out here', share),
    seed: count('S', 'Of split and folds; give train the same; default 0', 0),
  },
  examples: [
    'rootstock advise photos',
    'rootstock advise photos --network resnet50 --network mobilenet --alpha 0.25 --photos 500',
    'rootstock advise photos --weights mobilenet=mobilenet_2_5_224_tf_no_top.h5 --json',
  ],
  endsCleanly: true,
  keeps: true,
  run: async ({ operands: [folder = ''], flags, terminal, signal }) => {
    const { adviseNetwork } = await import('../transfer/index.ts')
    const { network, alpha, weights, ...asked } = flags
    const progress = adviseProgress(terminal.progress)
    try {
      const advice = await adviseNetwork(folder, {
        ...asked,
        ...(network && { networks: network }),
        ...(alpha && { alphas: alpha }),
        ...(weights && { weights: filesByNetwork(weights) }),
        onEvent: progress.onEvent,
        signal,
      })
      progress.finish()
      show(advice, terminal)
      return { json: { ...advice, take: advice.take?.name ?? null, command: advice.command ?? null } }
    } finally {
      progress.finish()
    }
  },
})

function filesByNetwork(pairs: readonly (readonly [name: string, file: string])[]): Record<string, string[]> {
  const files: Record<string, string[]> = {}
  for (const [name, file] of pairs) (files[name] ??= []).push(file)
  return files
}

interface Progress {
  readonly onEvent: (event: AdviseEvent) => void
  readonly finish: () => void
}

/** A bar for each network on a terminal, and a line for what it took. */
function adviseProgress(output: ProgressOutput): Progress {
  if (output.isQuiet) return { onEvent: () => undefined, finish: () => undefined }
  const { yellow, dim } = output.colors
  const bar = createBar(output, () => performance.now())
  const line = (text: string): void => {
    bar.clear()
    output.write(`${text}\n`)
  }
  let computed = ''
  const onEvent = (event: AdviseEvent): void => {
    switch (event.type) {
      case 'network':
        return line(`${event.number + 1}/${event.count} ${oneLine(event.name)}`)
      case 'fetch':
        return bar.update({ label: `Fetching ${event.name}`, ...inMegabytes(event), unit: 'MB', seconds: event.seconds })
      case 'workProgress':
        return bar.update(event)
      case 'features':
        bar.update(photosBar(event))
        // The end of a pass may be told more than once.
        if (event.done === event.total && computed !== event.name) line(dim(featuresLine(event)))
        if (event.done === event.total) computed = event.name
        return
      case 'probe':
        return bar.update({ ...event, label: 'Judging', unit: 'parts' })
      case 'unusable':
        return line(`${yellow('not used:')} ${oneLine(`${event.path}: ${event.reason}`)}`)
      case 'message':
        return line(dim(oneLine(event.message)))
      case 'warning':
        return line(`${yellow('warning:')} ${oneLine(event.message)}`)
    }
  }
  return { onEvent, finish: () => bar.clear() }
}

type EventOf<T extends AdviseEvent['type']> = Extract<AdviseEvent, { type: T }>

function inMegabytes({ done, total }: EventOf<'fetch'>): Pick<BarState, 'done' | 'total'> {
  const round = (bytes: number): number => Math.round(bytes / 1e5) / 10
  return { done: round(done), total: round(total ?? done) }
}

function photosBar(event: EventOf<'features'>): BarState {
  return { ...event, label: 'Features', unit: 'photos', counted: event.done - event.stored }
}

function featuresLine({ done, stored, seconds }: EventOf<'features'>): string {
  if (stored === done) return `  ${counted(done, 'photo')}, all computed before`
  const rate = rateOf({ done: done - stored, seconds, unit: 'photos' })
  return `  ${counted(done, 'photo')}, ${stored > 0 ? `${stored} computed before, ` : ''}${duration(seconds)}, ${rate}`
}

function show({ classes, photos, folds, majority, networks, take, why, missing, command: next }: NetworkAdvice, terminal: Terminal): void {
  const { print, colors } = terminal
  print(`${photos} photos of ${classes.length} classes, each judged by a head that has not seen it (${folds} folds)`)
  const rows = networks.map((row) => [
    row === take ? '→' : '',
    oneLine(row.name),
    percent(row.accuracy),
    row.interval.map(percent).join(' – '),
    row.millisecondsPerPhoto.toFixed(1),
    row.megabytes.toFixed(1),
    `${row.settings.size}`,
  ])
  const [head = '', ...lines] = alignColumns([['', 'network', 'right', '95 % interval', 'ms/photo', 'MB', 'px'], ...rows], 0)
  print(colors.dim(head))
  lines.forEach((line, i) => print(networks[i] === take ? colors.bold(line) : line))
  print(colors.dim(`Always the same answer: ${percent(majority)}`))
  for (const [reason, names] of byReason(missing)) print(colors.dim(`Not compared: ${oneLine(names.join(', '))}: ${oneLine(reason)}`))
  print(oneLine(why))
  if (next !== undefined) print(colors.bold(oneLine(next)))
}

function byReason(missing: NetworkAdvice['missing']): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { name, reason } of missing) found.set(reason, [...(found.get(reason) ?? []), name])
  return found
}
