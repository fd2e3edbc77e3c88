/** @file runs/latest: a link to the run that was finished last. */
import { randomBytes } from 'node:crypto'
import { lstat, rename, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { messageOf } from '../../errors.ts'

/** The link's name. */
export const latestName = 'latest'

/**
 * Points `latest` beside the run at it, by its bare name, so that the folder may be moved; what was there is replaced in one step.
 * Only in a folder called "runs": a run elsewhere puts nothing beside itself. Returns why there is no link, or undefined.
 */
export async function linkLatest(run: string): Promise<string | undefined> {
  const path = resolve(run)
  const parent = dirname(path)
  if (basename(parent) !== 'runs' || basename(path) === latestName) return undefined
  const link = join(parent, latestName)
  const temporary = join(parent, `.${latestName}-${randomBytes(6).toString('hex')}`)
  try {
    const found = await lstat(link).catch(() => undefined)
    if (found && !found.isSymbolicLink()) return `${link} is no link`
    // Windows lets everybody make junctions, which need whole paths, and few people make links.
    await (process.platform === 'win32' ? symlink(path, temporary, 'junction') : symlink(basename(path), temporary))
    // Windows does not rename over a junction.
    if (process.platform === 'win32') await rm(link, { force: true, recursive: false })
    await rename(temporary, link)
    return undefined
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    return messageOf(error)
  }
}
