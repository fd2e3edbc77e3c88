/** @file Writes a `.keras` archive: configuration, metadata and weights in a zip, stored as they are, as Keras does. */
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ZipFile } from 'yazl'
import { atomicWriteWith, removeAtExit, writePieces } from '../../files/index.ts'
import { writeJson } from './json.ts'
import type { WriteProgress } from './h5-writer.ts'
import { writeArchiveWeights, writtenKerasVersion } from './write-weights.ts'
import type { SavedLayer, WriteExtras } from './write-weights.ts'

/** What goes into the archive. */
export interface ArchiveContent {
  /** `config.json`: the layers. */
  readonly config: object
  /** The weights. */
  readonly layers: readonly SavedLayer[]
  /** What lies beside the weights. */
  readonly extras: WriteExtras
}

/** Writes the archive to `path`, whole or not at all. Throws FILE when it cannot be written. */
export async function writeKerasArchive(
  path: string,
  { config, layers, extras }: ArchiveContent,
  onProgress?: WriteProgress,
): Promise<void> {
  // The HDF5 library writes with positions and a zip is written in order, so the weights pass through a file of their own.
  const folder = await mkdtemp(join(tmpdir(), 'rootstock-'))
  const isGone = removeAtExit(folder)
  try {
    const weights = join(folder, 'model.weights.h5')
    await writeArchiveWeights(weights, layers, extras, onProgress)
    const { size } = await stat(weights)
    const zip = new ZipFile()
    const stored = { compress: false, mtime: new Date(1980, 0, 1) }
    const metadata = { keras_version: writtenKerasVersion, date_saved: dateSaved(new Date()) }
    zip.addBuffer(Buffer.from(JSON.stringify(metadata)), 'metadata.json', stored)
    zip.addBuffer(Buffer.from(writeJson(config)), 'config.json', stored)
    zip.addReadStream(createReadStream(weights), 'model.weights.h5', { ...stored, size })
    zip.end()
    await atomicWriteWith(path, async (file) => void (await writePieces(file, zip.outputStream as AsyncIterable<Buffer>)), { needed: size })
  } finally {
    await rm(folder, { recursive: true, force: true })
    isGone()
  }
}

/** Keras's form: "2026-01-22@18:26:08". */
function dateSaved(now: Date): string {
  return now.toISOString().slice(0, 19).replace('T', '@')
}
