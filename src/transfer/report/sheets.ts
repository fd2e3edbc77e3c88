/** @file The pictures of a run that show photos: training photos as the network sees them, answers for others, thumbnails of mistakes. */
import { batchIndices, tryRead, type Dataset, type ReadOptions } from '../../data/index.ts'
import type { Pixels, View } from '../../image/index.ts'
import { contactSheet, thumbnail, type SheetPicture } from '../../report/index.ts'
import { random } from '../../tensor/index.ts'
import type { PhotoReading } from '../classifier.ts'
import { percentText } from './interval.ts'
import type { Answer } from './tally.ts'

/** Photos on one sheet. */
const sheetPhotos = 24
/** Mistakes that report.html shows. */
export const shownMistakes = 24

/** Where the photos of a sheet come from. */
export interface SheetSource {
  readonly dataset: Dataset
  readonly reading: PhotoReading
}

/** The first photos that an epoch deals out, after resizing and augmentation; undefined where none can be read. */
export async function trainSheet(
  { dataset, reading }: SheetSource,
  { seed, view }: { readonly seed: number; readonly view?: View | undefined },
): Promise<Uint8Array | undefined> {
  const [first = []] = batchIndices(dataset.size, { batchSize: sheetPhotos, seed })
  const pictures: SheetPicture[] = []
  for (const index of first) {
    const pixels = await pixelsOf({ dataset, reading }, index, view)
    if (pixels) pictures.push({ pixels, caption: dataset.classNames[dataset.labels[index] ?? -1] ?? '' })
  }
  if (pictures.length === 0) return undefined
  return contactSheet(pictures, { title: `Training photos as the network sees them: ${reading.size} × ${reading.size} pixels` })
}

/** Answers for photos drawn by the seed, right and wrong ones as they come. */
export async function predictionSheet(
  source: SheetSource,
  answers: readonly Answer[],
  { seed, title }: { readonly seed: number; readonly title: string },
): Promise<Uint8Array | undefined> {
  const { classNames } = source.dataset
  const order = random(`predictions/${seed}`).shuffle([...answers])
  const pictures: SheetPicture[] = []
  for (const { index, label, predicted, probability } of order.slice(0, sheetPhotos)) {
    const pixels = await pixelsOf(source, index)
    if (!pixels) continue
    const wrong = label !== predicted
    const answer = `${percentText(probability)} ${classNames[predicted] ?? ''}`
    pictures.push({ pixels, wrong, caption: wrong ? `${answer} (is ${classNames[label] ?? ''})` : `✓ ${answer}` })
  }
  return pictures.length === 0 ? undefined : contactSheet(pictures, { title })
}

/** A photo as a small JPEG in a data URL, decoded and encoded anew: nothing of the file itself gets into a page. */
export async function thumbnailOf(source: SheetSource, index: number): Promise<string | undefined> {
  const pixels = await pixelsOf(source, index)
  return pixels && thumbnail(pixels)
}

async function pixelsOf({ dataset, reading }: SheetSource, index: number, view?: View): Promise<Pixels | undefined> {
  const { size, interpolation, exif } = reading
  const how: ReadOptions = { size: [size, size], preprocessing: 'none', interpolation, exif, ...(view && { view }) }
  const result = await tryRead(dataset, index, how)
  if (!result.ok) return undefined
  const [height = 0, width = 0] = result.tensor.shape
  return { data: new Uint8Array(Uint8ClampedArray.from(result.tensor.data).buffer), width, height }
}
