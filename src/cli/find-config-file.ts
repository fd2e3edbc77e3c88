/** @file Finds the config file of a folder. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import type { ConfigPlace } from './settings.ts'

const NAMES = ['rootstock.config.yaml', 'rootstock.config.yml', 'rootstock.config.json']

/** rootstock.config.yaml, .yml or .json of `folder`; undefined where there is none. Throws USAGE where there are several. */
export async function findConfigFile(folder: string): Promise<ConfigPlace | undefined> {
  const found = await Promise.all(
    NAMES.map((name) => join(folder, name)).map((path) =>
      stat(path).then(
        () => path,
        () => undefined,
      ),
    ),
  )
  const [path, second] = found.filter((name) => name !== undefined)
  if (path === undefined) return undefined
  if (second === undefined) return { path, isNamed: false }
  throw new RootstockError('USAGE', `Cannot choose a config file: found ${path} and ${second}, expected one`, {
    hint: 'Remove one of them, or name the one that counts with --config',
  })
}
