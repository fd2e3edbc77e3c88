/** @file Photos and weights that the comparisons read, made once and kept. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execute } from './environment.ts'
import type { Given, Row } from './rows.ts'

export interface MakingFiles {
  readonly root: string
  readonly python: string
  /** Where they are kept. */
  readonly kept: string
  /** A folder of photos to make more of; drawn ones where there is none. */
  readonly photos: string | undefined
  readonly scale: number
}

/** The files that both sides of a row need. */
export async function filesFor(row: Row, making: MakingFiles): Promise<{ readonly ours: Given; readonly theirs: Given }> {
  const weights = join(making.kept, 'mobilenet-0.25.h5')
  if (row.job.job === 'cold' && !existsSync(weights)) await makeWeights(weights)
  const given = (scale: number): Given => ({ folder: row.folder ? photosFor(row, { ...making, scale }) : '', weights })
  return { ours: given(row.scales === 'both' ? making.scale : 1), theirs: given(row.scales ? making.scale : 1) }
}

function photosFor({ folder }: Row, { root, python, kept, photos, scale }: MakingFiles): string {
  const counts = Object.entries(folder ?? {}).map(([part, count]) => [part, Math.round(count * scale)] as const)
  const out = join(kept, `${photos === undefined ? 'drawn' : 'photos'}-${counts.map(([, count]) => count).join('-')}`)
  if (existsSync(out)) return out
  const partial = `${out}.partial`
  rmSync(partial, { recursive: true, force: true })
  for (const [part, count] of counts) {
    const args = [join(partial, part), `${count}`, ...(photos === undefined ? [] : [photos])]
    execute(python, [join(root, 'bench/peers/photos.py'), ...args], 'Choose another folder of photos with --photos')
  }
  renameSync(partial, out)
  return out
}

/** Random ones: no time depends on them. */
async function makeWeights(path: string): Promise<void> {
  const { rootstock } = await import('./rootstock.ts')
  const net = await rootstock.applications.mobilenet({ alpha: 0.25, weights: null })
  mkdirSync(join(path, '..'), { recursive: true })
  await net.saveWeights(path)
}
