/** @file `rootstock prepare`: sorts photos into train, validation and test folders. */
import { basename } from 'node:path'
import type { LinkMode, Prepared } from '../data/index.ts'
import { timedBar, type TimedBar } from './bar.ts'
import { command } from './command.ts'
import { choice, count, toggle, words } from './flag-values.ts'
import { shellPath } from './go-on.ts'
import { oneLine } from './one-line.ts'
import { alignColumns } from './table.ts'
import type { Terminal } from './terminal.ts'

const PARTS = ['train', 'validation', 'test'] as const

export const prepare = command({
  name: 'prepare',
  summary: 'Sort photos (cat.0.jpg …, one folder per class, or a table) into OUT/{train,validation,test}/{class}/.',
  operands: [
    { name: 'SOURCE', description: 'The folder with the photos', completes: 'folders' },
    { name: 'OUT', description: 'The folder to write; a new or empty one', completes: 'folders' },
  ],
  flags: {
    labels: words('NAMES', 'The classes, as in cat,dog; default what the names say'),
    train: count('N', 'Photos of each class for training; without any count, 70, 15 and 15 of a hundred'),
    validation: count('N', 'Photos of each class for validation', 0),
    test: count('N', 'Photos of each class for the test', 0),
    duplicates: choice(
      'HOW',
      'exact (default) keeps photos of the same bytes in one part; near keeps resized and re-encoded copies there too',
      ['exact', 'near'] as const,
    ),
    link: choice('HOW', 'copy, hardlink or symlink; default copy', ['copy', 'hardlink', 'symlink'] as const),
    followLinks: toggle('Follow links that lead out of SOURCE, and links to folders'),
    force: toggle('Replace OUT when it holds something else'),
  },
  examples: ['rootstock prepare photos data --labels cat,dog --train 1000 --validation 500 --test 500'],
  endsCleanly: true,
  run: async ({ operands: [source = '', out = ''], flags, terminal, signal }) => {
    const library = await import('../data/index.ts')
    const { cache: hashCache, close } = await library.openHashCache()
    const look = timedBar(terminal.progress, { label: 'Looking for copies', unit: 'photos' })
    let write: TimedBar | undefined
    const onProgress = (done: number, total: number): void => {
      write ??= timedBar(terminal.progress, { label: `Writing ${basename(out)}`, unit: 'photos' })
      write.update(done, total)
    }
    const clear = (): void => [look, write].forEach((shown) => shown?.clear())
    try {
      const told = { onLook: look.update, onProgress, signal }
      const prepared = await library.prepare(source, out, { ...flags, ...told, hashCache })
      clear()
      show(prepared, { out, link: flags.link }, terminal)
      return { json: jsonOf(prepared, out) }
    } finally {
      clear()
      await close()
    }
  },
})

function show(
  { classNames, counts, notes }: Prepared,
  { out, link }: { out: string; link: LinkMode | undefined },
  terminal: Terminal,
): void {
  const { print, colors } = terminal
  for (const note of notes) print(colors.dim(oneLine(note)))
  const rows = classNames.map((label) => [oneLine(label), ...PARTS.map((part) => counts[part].get(label) ?? 0)])
  for (const line of alignColumns([['class', ...PARTS], ...rows])) print(line)
  print(`Ready in ${oneLine(out)}: rootstock train ${shellPath(out)}${link === 'symlink' ? ' --follow-links' : ''}`)
}

function jsonOf({ classNames, counts, notes, unusable, isUnchanged }: Prepared, out: string): object {
  const perPart = PARTS.map((part) => [part, Object.fromEntries(counts[part])] as const)
  return { out, classes: classNames, images: Object.fromEntries(perPart), unchanged: isUnchanged, notes, unusable }
}
