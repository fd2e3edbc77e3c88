/** @file The photos that the operands of a command name: files, and the pictures inside folders. */
import { isUtf8 } from 'node:buffer'
import { stat } from 'node:fs/promises'
import type { ScanOptions } from '../data/index.ts'
import { counted, textOf } from '../data/names.ts'
import { RootstockError } from '../errors.ts'
import type { PhotoFile } from '../transfer/index.ts'

/** The photos of the operands, and what was left out on the way, in lines for people. */
export interface Operands {
  readonly files: readonly (string | PhotoFile)[]
  readonly notes: readonly string[]
}

/** Files as they are given; folders replaced by the pictures that a training would find in them. Throws DATA for folders without any. */
export async function photoFiles(paths: readonly string[], scanning: ScanOptions): Promise<Operands> {
  const lists = await Promise.all(
    paths.map(async (path): Promise<Operands> => {
      const found = await stat(path).catch(() => undefined)
      return found?.isDirectory() ? picturesIn(path, scanning) : { files: [path], notes: [] }
    }),
  )
  return { files: lists.flatMap(({ files }) => files), notes: lists.flatMap(({ notes }) => notes) }
}

/** The photo at a path. No text leads to a file whose name is not UTF-8; its bytes do. */
export function photoAt(path: Buffer): string | PhotoFile {
  if (isUtf8(path)) return path.toString()
  const file = textOf(path)
  return { file, bytes: async () => (await import('../data/bytes.ts')).readPictureFile(path, file) }
}

async function picturesIn(folder: string, scanning: ScanOptions): Promise<Operands> {
  const { openScanner } = await import('../data/scan.ts')
  const scanner = await openScanner(folder, scanning)
  const pictures = await scanner.walk(scanner.root, new Set())
  const links = scanner.skipped.filter(({ reason }) => reason.startsWith('a link'))
  const first = links[0] && `"${links[0].path}", ${links[0].reason}`
  if (pictures.length === 0) {
    const also = first === undefined ? '' : `; skipped there: ${first}`
    const message = `Cannot predict ${folder}: the folder holds no picture, expected files such as photo.jpg${also}`
    const { PICTURE_EXTENSIONS } = await import('../data/picture-extensions.ts')
    throw new RootstockError('DATA', message, { hint: `Extensions that are read: ${PICTURE_EXTENSIONS.join(' ')}` })
  }
  const notes = first === undefined ? [] : [`not used: ${counted(links.length, 'link')}; the first is ${first}`]
  return { files: pictures.map(photoAt), notes }
}
