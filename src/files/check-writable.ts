/** @file Whether a file could be written, asked before the work whose result it holds. */
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { notRegular, temporaryBeside } from './atomic-write.ts'
import { fileError } from './file-error.ts'

/**
 * Throws FILE, with the path as `shown`, where `atomicWrite(path, …)` would not get as far as its first byte. Makes no folder and leaves no file: it tries one beside the target or,
 * where folders are missing, in the nearest one that is there. Permissions alone do not tell, since root has all of them.
 */
export function checkWritable(path: string, shown = path): void {
  try {
    const old = fs.statSync(path, { throwIfNoEntry: false })
    if (old && !old.isFile()) throw notRegular(shown)
    let target = old ? fs.realpathSync(path) : path
    while (!fs.lstatSync(dirname(target), { throwIfNoEntry: false }) && dirname(target) !== target) target = dirname(target)
    const trial = temporaryBeside(target)
    fs.closeSync(fs.openSync(trial, 'wx'))
    fs.unlinkSync(trial)
  } catch (error) {
    throw fileError(error, shown, { action: 'write' })
  }
}
