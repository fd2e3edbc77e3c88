/** @file `rootstock augment-preview`: photos beside the random changes that a training sees. */
import type { ScanOptions } from '../data/index.ts'
import type { Pixels } from '../image/index.ts'
import type { SheetPicture } from '../report/index.ts'
import type { PhotoFile } from '../transfer/index.ts'
import { augmentationFlags, augmentationOf } from './augmentation-flags.ts'
import { timedBar } from './bar.ts'
import { command } from './command.ts'
import { count, word } from './flag-values.ts'
import { oneLine } from './one-line.ts'
import { checkPlaces, formOf } from './output-file.ts'
import { followLinks } from './photo-flags.ts'
import { photoAt } from './photo-files.ts'
import { counted } from './table.ts'
import type { Terminal } from './terminal.ts'
import { RootstockError } from '../errors.ts'

const DEFAULT_SIZE = 224

export const augmentPreview = command({
  name: 'augment-preview',
  summary: 'Draw a sheet of photos beside the random changes of them that a training would see.',
  operands: [{ name: 'FOLDER', description: 'A folder of photos as for train, or one photo' }],
  flags: {
    out: word('FILE', 'The picture to write; default augment-preview.png'),
    photos: count('N', 'Photos, one a row; default 4'),
    views: count('N', 'Changed views of each; default 7'),
    size: count('PIXELS', 'Height and width as the network gets them; default 224', 32),
    seed: count('S', 'As in train; default 0', 0),
    followLinks,
    ...augmentationFlags,
  },
  examples: ['rootstock augment-preview data --flip horizontal --rotation 0.05 --zoom 0.1 --out sheet.png'],
  run: async ({ operands: [folder = ''], flags, terminal }) => {
    const { out = 'augment-preview.png', photos: wanted = 4, views = 7, size = DEFAULT_SIZE, seed = 0 } = flags
    formOf(out, ['png'])
    await checkPlaces([out])
    const chosen = await augmentationOf(flags, () => size)
    if (!chosen.augmentation) {
      throw new RootstockError('USAGE', 'Cannot show augmentations: found no flag that names one, expected such as --flip horizontal', {
        hint: 'See: rootstock augment-preview --help',
      })
    }
    const image = await import('../image/index.ts')
    const { contactSheet } = await import('../report/index.ts')
    const { sheetLayout } = await import('../report/contact-sheet.ts')
    const { atomicWrite } = await import('../files/index.ts')
    const found = await photosIn(folder, flags.followLinks ? { followLinks: true } : {})
    const sheet = { columns: views + 1, title: `Augmentation at ${size} × ${size} pixels, seed ${seed}` }
    // A sheet that is too large is refused before its pictures are made; each has a caption of a line at least.
    sheetLayout(Math.min(wanted, found.length) * sheet.columns, 1, sheet)
    const change = image.augment(chosen.augmentation)
    const options = { views, seed, size: [size, size] as const, ...(chosen.readSize && { readSize: chosen.readSize }) }
    const { photos, pictures } = await changed(
      found,
      wanted,
      async ({ photo }) => image.augmentPreview(await sourceOf(photo), change, options),
      terminal,
    )
    await atomicWrite(out, await contactSheet(pictures, sheet))
    terminal.print(`${oneLine(out)}: ${counted(photos.length, 'photo')}, ${counted(views, 'view')} of each`)
    return { json: { out, photos: photos.map(({ photo }) => nameOf(photo)), views, size, seed, augmentation: change.description } }
  },
})

/** The first photos that can be read, and their pictures, one after the other; damaged ones are left out, as in a training. */
async function changed(
  found: readonly ChosenPhoto[],
  wanted: number,
  views: (photo: ChosenPhoto) => Promise<Pixels[]>,
  { progress, note }: Terminal,
): Promise<{ photos: ChosenPhoto[]; pictures: SheetPicture[] }> {
  const bar = timedBar(progress, { label: 'Changing', unit: 'photos' })
  const photos: ChosenPhoto[] = []
  const pictures: SheetPicture[] = []
  const errors: RootstockError[] = []
  try {
    for (const photo of found) {
      if (photos.length === wanted) break
      bar.update(photos.length, Math.min(wanted, found.length))
      const shown = await views(photo).catch((error: unknown) => void errors.push(unusable(error, photo)))
      if (!shown) continue
      photos.push(photo)
      pictures.push(...shown.map((pixels, i) => ({ pixels, caption: i === 0 ? photo.label : `view ${i}` })))
    }
  } finally {
    bar.clear()
  }
  if (photos.length === 0 && errors[0]) throw errors[0]
  for (const { message } of errors) note(`Left out: ${message}`)
  return { photos, pictures }
}

/** The error of a picture that cannot be used; any other is thrown. */
function unusable(error: unknown, { photo }: ChosenPhoto): RootstockError {
  if (!(error instanceof RootstockError) || error.code !== 'IMAGE') throw error
  if (typeof photo === 'string' || error.message.includes(photo.file)) return error
  return new RootstockError('IMAGE', `${photo.file}: ${error.message}`, { cause: error })
}

interface ChosenPhoto {
  readonly photo: string | PhotoFile
  readonly label: string
}

function nameOf(photo: string | PhotoFile): string {
  return typeof photo === 'string' ? photo : photo.file
}

async function sourceOf(photo: string | PhotoFile): Promise<string | Uint8Array> {
  return typeof photo === 'string' ? photo : photo.bytes()
}

/** The photos of a folder in an order of chance, which is the same each time. */
async function photosIn(folder: string, scanning: ScanOptions): Promise<ChosenPhoto[]> {
  const { stat } = await import('node:fs/promises')
  const { fileOf, imageFolder, layoutOf } = await import('../data/index.ts')
  const { isTableName } = await import('../data/table.ts')
  const { random } = await import('../tensor/index.ts')
  const found = await stat(folder).catch(() => undefined)
  const isTable = isTableName(folder)
  if (found?.isFile() && !isTable) return [{ photo: folder, label: 'the photo' }]
  const layout = isTable ? undefined : await layoutOf(folder, scanning)
  const root = layout?.kind === 'split' ? (layout.folders.get('train') ?? folder) : folder
  const dataset = await imageFolder(root, scanning).open()
  const order = random('augment-preview').shuffle(Array.from({ length: dataset.size }, (_, i) => i))
  return order.map((index) => ({
    photo: photoAt(fileOf(dataset, index)),
    label: dataset.classNames[dataset.labels[index] ?? -1] ?? '',
  }))
}
