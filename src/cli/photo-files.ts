/** @file The photos that the operands of a command name: files, and the pictures inside folders. */
import { isUtf8 } from 'node:buffer'
import { readdir, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { joinPath, textOf } from '../data/names.ts'
import { RootstockError } from '../errors.ts'
import type { PhotoFile } from '../transfer/index.ts'

/** Files as they are given; folders replaced by the pictures in them, in order. Throws DATA for folders without any. */
export async function photoFiles(paths: readonly string[], extensions: readonly string[]): Promise<(string | PhotoFile)[]> {
  const lists = await Promise.all(
    paths.map(async (path) => {
      const found = await stat(path).catch(() => undefined)
      return found?.isDirectory() ? picturesIn(path, extensions) : [path]
    }),
  )
  return lists.flat()
}

/** The photo at a path. No text leads to a file whose name is not UTF-8; its bytes do. */
export function photoAt(path: Buffer): string | PhotoFile {
  if (isUtf8(path)) return path.toString()
  const file = textOf(path)
  return { file, bytes: async () => (await import('../data/bytes.ts')).readPictureFile(path, file) }
}

async function picturesIn(folder: string, extensions: readonly string[]): Promise<(string | PhotoFile)[]> {
  const files = await filesBelow(Buffer.from(folder.replace(/(?<=.)[/\\]+$/, '')))
  const pictures = files.filter((path) => extensions.includes(extname(textOf(path)).toLowerCase()))
  if (pictures.length === 0) {
    throw new RootstockError('DATA', `Cannot predict ${folder}: the folder holds no picture, expected files such as photo.jpg`, {
      hint: `Extensions that are read: ${extensions.join(' ')}`,
    })
  }
  return pictures.sort((a, b) => Buffer.compare(a, b)).map(photoAt)
}

async function filesBelow(folder: Buffer): Promise<Buffer[]> {
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' })
  const lists = await Promise.all(
    entries.map(async (entry) => {
      const path = joinPath(folder, entry.name)
      if (entry.isDirectory()) return filesBelow(path)
      return entry.isFile() && entry.name[0] !== 0x2e ? [path] : []
    }),
  )
  return lists.flat()
}
