/** @file The folder of a run: the one that is named, or a new one under runs/ that no other process takes. */
import { existsSync } from 'node:fs'
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { networkOf } from '../applications/index.ts'
import { errnoOf, fileReason, makeFolder } from '../files/index.ts'
import type { TrainClassifierOptions } from './options.ts'

const parent = 'runs'

/**
 * Works in the folder that `out` names or, without it, in a new runs/NETWORK-DATE, made at once so that no other process takes the name.
 * Codes USAGE for a run to go on with that is not named, FILE.
 */
export async function withRunFolder<T>(options: TrainClassifierOptions, work: (run: string) => Promise<T>): Promise<T> {
  const { out, resume, network = 'mobilenet' } = options
  if (out !== undefined) return work(out)
  if (resume) {
    throw new RootstockError('USAGE', 'Cannot resume: found no out, expected the folder of the interrupted run', {
      hint: 'Give --out, such as --out runs/latest',
    })
  }
  const { id } = networkOf(network)
  const existed = existsSync(parent)
  const run = await takeName(join(parent, `${id}-${stamp(new Date())}`))
  try {
    return await work(run)
  } finally {
    // A run that could not begin leaves no empty folder.
    await rmdir(run).catch(() => undefined)
    if (!existed) await rmdir(parent).catch(() => undefined)
  }
}

/** Makes the folder `path`, or `path`-2, `path`-3, … where another run has it. */
async function takeName(path: string): Promise<string> {
  for (let number = 1; ; number++) {
    const run = number === 1 ? path : `${path}-${number}`
    try {
      makeFolder(parent)
      await mkdir(run)
      return run
    } catch (error) {
      if (errnoOf(error) === 'EEXIST' && existsSync(run)) continue
      throw new RootstockError('FILE', `Cannot make the run's folder ${run}: ${fileReason(error)}`, {
        cause: error,
        hint: 'Choose another --out',
      })
    }
  }
}

/** 20261123-214455 */
const stamp = (date: Date): string => date.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
