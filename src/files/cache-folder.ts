/** @file Where downloaded weight files live: the folder that Keras itself uses, so that both share one copy. */
import { accessSync, constants, existsSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/** What `cacheFolder` looks at; the process's own by default. */
export interface CacheFolderInputs {
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly home?: string
}

/**
 * `$ROOTSTOCK_HOME/models`, else `$KERAS_HOME/models`, else `~/.keras/models`, else (home cannot be written) `/tmp/.keras/models`.
 * The folder need not exist yet.
 */
export function cacheFolder({ environment = process.env, home = homedir() }: CacheFolderInputs = {}): string {
  const named = environment['ROOTSTOCK_HOME'] || environment['KERAS_HOME']
  if (named) return join(named, 'models')
  const base = join(home, '.keras')
  const writable = isWritable(existsSync(base) ? base : home)
  return writable ? join(base, 'models') : join(process.platform === 'win32' ? tmpdir() : '/tmp', '.keras', 'models')
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
