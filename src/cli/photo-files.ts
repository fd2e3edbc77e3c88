/** @file The photos that the operands of a command name: files, and the pictures inside folders. */
import { readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { RootstockError } from '../errors.ts'

/** Files as they are given; folders replaced by the pictures in them, in order. Throws DATA for folders without any. */
export async function photoFiles(paths: readonly string[], extensions: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    paths.map(async (path) => {
      const found = await stat(path).catch(() => undefined)
      return found?.isDirectory() ? picturesIn(path, extensions) : [path]
    }),
  )
  return lists.flat()
}

async function picturesIn(folder: string, extensions: readonly string[]): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  const files = entries.filter(
    (entry) => entry.isFile() && !entry.name.startsWith('.') && extensions.includes(extname(entry.name).toLowerCase()),
  )
  if (files.length === 0) {
    throw new RootstockError('DATA', `Cannot predict ${folder}: the folder holds no picture, expected files such as photo.jpg`, {
      hint: `Extensions that are read: ${extensions.join(' ')}`,
    })
  }
  return files.map((file) => join(file.parentPath, file.name)).sort()
}
