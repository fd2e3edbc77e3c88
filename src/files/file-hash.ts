/** @file The hash of a file, read in pieces. */
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { RootstockError } from '../errors.ts'
import { fileError } from './file-error.ts'

/** Hashes that weight files are published with. */
export type HashName = 'md5' | 'sha256'

/** Lower-case hexadecimal hash of the regular file at `path`; throws FILE when it cannot be read. */
export async function fileHash(path: string, name: HashName): Promise<string> {
  const hash = createHash(name)
  try {
    if (!statSync(path).isFile()) throw new RootstockError('FILE', `Cannot read ${path}: it is not a regular file`)
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer)
  } catch (error) {
    throw fileError(error, path, { action: 'read' })
  }
  return hash.digest('hex')
}
