/** @file Whether a run may lie where it was asked for: not among the photos that it learns from. */
import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, relative, sep } from 'node:path'
import { RootstockError } from '../errors.ts'
import { printableName } from '../data/index.ts'
import { isRunFolder } from './run-folder.ts'

/** Refuses the folder of the photos itself, and one inside it that holds other things: it would be a class and a run. Code USAGE. */
export async function refusePhotoFolder(run: string, photos: string): Promise<void> {
  const [place, given] = await Promise.all([run, photos].map((path) => realpath(path).catch(() => undefined)))
  if (place === undefined || given === undefined || (await isRunFolder(place))) return
  // A table stands for the folder that it lies in.
  const below = relative((await stat(given)).isFile() ? dirname(given) : given, place)
  if (isAbsolute(below) || below.split(sep)[0] === '..') return
  const names = await readdir(place).catch(() => [])
  const [held] = names.filter((name) => !name.startsWith('.') && name !== 'run.lock').sort()
  if (below !== '' && held === undefined) return
  const found = below === '' ? 'the photos lie there' : `it is one of the folders in ${photos} and holds "${printableName(held ?? '')}"`
  throw new RootstockError('USAGE', `Cannot train into ${run}: ${found}, expected a folder for the run alone`, {
    hint: 'Choose another --out, such as --out runs/mine',
  })
}
