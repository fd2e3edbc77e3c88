/** @file Makes a folder and those above it. */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf } from './file-error.ts'

/**
 * Makes `path` and the folders above it where they are not there; throws the system's error.
 * Node's own `recursive` tries for ever where a folder cannot be made although the one above it is there: in a working folder that was deleted, in /proc; and it
 * reports a full disk as ENOENT (nodejs/node#42808).
 */
export function makeFolder(path: string, make: (path: string) => unknown = mkdirSync): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  try {
    make(path)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
    const above = dirname(path)
    if (errnoOf(error) !== 'ENOENT' || existsSync(above)) throw error
    makeFolder(above, make)
    makeFolder(path, make)
  }
}
