/** @file Where computed things are kept that can be computed again. */
import { homedir } from 'node:os'
import { join } from 'node:path'

/** `$ROOTSTOCK_CACHE`, else `$XDG_CACHE_HOME/rootstock`, else `~/.cache/rootstock`. The folder need not exist yet. */
export function cacheHome(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return environment['ROOTSTOCK_CACHE'] || join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'rootstock')
}
