/** @file Decodes the material once into arrays of bytes in the work folder; pictures of the evaluation are left out. */
import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { correlation, fingerprint, type Fingerprint } from '../../src/data/fingerprint.ts'
import { loadPixels } from '../../src/image/index.ts'
import { SMALL_CLASSES } from './distillation.ts'
import { evaluationFolders, filesOf, materialFiles, sources, type SourceRow } from './folders.ts'

/** A picture and the number of its class, −1 where that is not used. */
interface Picture {
  readonly path: string
  readonly label: number
}

/** Photos whose grey thumbnails are at least this alike count as the same photo. */
const SAME = 0.9
/** One photo of so many is kept to measure the loss. */
const HELD = 25

/** Writes pixels and labels of every source that is not there yet. */
export async function collect(work: string, log: (line: string) => void): Promise<void> {
  mkdirSync(work, { recursive: true })
  const wnids = unpackSmall(work)
  writeFileSync(join(work, 'wnids.json'), JSON.stringify(wnids))
  const banned = { names: new Set(evaluationPhotos().map((path) => basename(path))), prints: [] as Fingerprint[] }
  for (const source of sources) {
    const files = filesOf(work, source.name)
    if (existsSync(files.labels)) continue
    const found = picturesOf(source.name, work, wnids)
    const isPhoto = source.side > 32
    if (isPhoto && banned.prints.length === 0)
      for (const path of evaluationPhotos()) banned.prints.push(await fingerprint(readFileSync(path)))
    const kept = isPhoto ? await withoutEvaluation(found, banned) : found
    log(`${source.name}: ${kept.length} pictures, ${found.length - kept.length} left out because the evaluation has them`)
    await writePixels(files.pixels, kept, source.side)
    writeFileSync(
      files.labels,
      Int16Array.from(kept, ({ label }) => label),
    )
  }
}

function unpackSmall(work: string): string[] {
  const folder = join(work, 'small')
  if (!existsSync(folder)) {
    mkdirSync(`${folder}.part`, { recursive: true })
    execFileSync('tar', ['xzf', materialFiles.small, '-C', `${folder}.part`])
    renameSync(`${folder}.part`, folder)
  }
  return readdirSync(join(folder, 'train')).sort()
}

function evaluationPhotos(): string[] {
  return Object.values(evaluationFolders).flatMap(picturesBelow)
}

const picturesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => /\.jpe?g$/i.test(path))
    .sort()

function picturesOf(name: SourceRow['name'], work: string, wnids: readonly string[]): Picture[] {
  const unlabelled = (folder: string): Picture[] => picturesBelow(folder).map((path) => ({ path, label: -1 }))
  switch (name) {
    case 'small':
      return wnids.flatMap((wnid, label) => picturesBelow(join(work, 'small', 'train', wnid)).map((path) => ({ path, label })))
    case 'held': {
      const rows = readFileSync(join(work, 'small', 'val', 'val_annotations.txt'), 'utf8')
        .trim()
        .split('\n')
        .slice(0, 2000)
      return rows.map((row) => {
        const [file = '', wnid = ''] = row.split('\t')
        return { path: join(work, 'small', 'val', 'images', file), label: wnids.indexOf(wnid) }
      })
    }
    case 'heldPhotos':
      return unlabelled(materialFiles.thousand).filter((_, i) => i % HELD === 0)
    case 'thousand':
      return unlabelled(materialFiles.thousand).filter((_, i) => i % HELD > 0)
    case 'flowers': {
      const kinds = readdirSync(materialFiles.flowers).sort()
      return kinds.flatMap((kind, i) =>
        picturesBelow(join(materialFiles.flowers, kind)).map((path) => ({ path, label: SMALL_CLASSES + i })),
      )
    }
  }
}

/** Leaves out photos that have the name of one of the evaluation, or look like one. */
async function withoutEvaluation(
  pictures: readonly Picture[],
  banned: { names: ReadonlySet<string>; prints: readonly Fingerprint[] },
): Promise<Picture[]> {
  const kept: Picture[] = []
  for (const picture of pictures) {
    if (banned.names.has(basename(picture.path))) continue
    const { grey } = await fingerprint(readFileSync(picture.path))
    if (!banned.prints.some((print) => correlation(grey, print.grey) >= SAME)) kept.push(picture)
  }
  return kept
}

async function writePixels(path: string, pictures: readonly Picture[], side: number): Promise<void> {
  const file = openSync(path, 'w')
  for (let start = 0; start < pictures.length; start += 16) {
    const chunk = pictures.slice(start, start + 16)
    const decoded = await Promise.all(
      chunk.map((picture) => loadPixels(picture.path, { targetSize: [side, side], interpolation: 'bilinear' })),
    )
    for (const { data } of decoded) writeSync(file, data)
  }
  closeSync(file)
}
