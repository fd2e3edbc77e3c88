/** @file A folder that only one run may write to at a time. */
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { sweepTemporaries } from './atomic-write.ts'
import { fileError } from './file-error.ts'
import { withLock, type Lock } from './lock.ts'
import { makeFolder } from './make-folder.ts'

/** Options of `withFolderLock`. */
export interface FolderLockOptions {
  /** Ends the wait for a process of another machine. */
  readonly signal?: AbortSignal | undefined
  /** Called once when a process of another machine holds the folder: whether it lives shows within a minute. */
  readonly onWait?: (() => void) | undefined
}

/** The lock's name in its folder. */
const NAME = 'run.lock'

/**
 * Runs `work` while no other process may use `folder`, which is made; what killed writers left there is removed. The lock of a process that
 * is gone is taken over. Throws USAGE while a living process of this machine holds it, FILE when it cannot be written.
 */
export function withFolderLock<T>(folder: string, work: (lock: Lock) => Promise<T>, options: FolderLockOptions = {}): Promise<T> {
  try {
    makeFolder(folder)
  } catch (error) {
    return Promise.reject(fileError(error, folder, { action: 'make' }))
  }
  const locked = (lock: Lock): Promise<T> => {
    sweepTemporaries(folder)
    return work(lock)
  }
  return withLock(join(folder, NAME), locked, {
    signal: options.signal,
    onWait(holder) {
      if (!holder?.isHere) return options.onWait?.()
      throw new RootstockError('USAGE', `Cannot use ${folder}: process ${holder.pid} is training there, expected no other run`, {
        hint: 'Wait for its end, stop it, or choose another folder',
      })
    },
  })
}
