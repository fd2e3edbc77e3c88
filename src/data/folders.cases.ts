/** @file Temporary photo folders for the tests of data/: tiny JPEGs of one colour each. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { afterAll } from 'vitest'

const made: string[] = []

afterAll(async () => {
  await Promise.all(made.map((folder) => rm(folder, { recursive: true, force: true })))
})

/** An empty folder that is removed when the file's tests are over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rootstock-data-'))
  made.push(folder)
  return folder
}

/** A 6 by 4 JPEG; the number decides its colour and its bytes. */
export async function jpeg(number: number): Promise<Buffer> {
  const background = { r: (number * 37) % 256, g: (number * 101) % 256, b: (number * 11) % 256 }
  return sharp({ create: { width: 6, height: 4, channels: 3, background } })
    .withExif({ IFD0: { ImageDescription: `picture ${number}` } })
    .jpeg()
    .toBuffer()
}

/** A temporary folder with the files `paths`, each a picture of its own unless its content is given. */
export async function folderOf(paths: readonly (string | readonly [string, string | Buffer])[]): Promise<string> {
  const folder = await temporaryFolder()
  for (const [number, entry] of paths.entries()) {
    const [path, content] = typeof entry === 'string' ? [entry, await jpeg(number)] : entry
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}

/** "name.0.jpg" … in a folder. */
export function numbered(folder: string, count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => join(folder, `p.${from + i}.jpg`))
}
