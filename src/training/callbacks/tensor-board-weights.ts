/** @file What TensorBoard is shown of a weight: the distribution of its numbers, and the numbers as a picture. */
import { encodePictures, histogramSummary, imageSummary, picturesOfWeight, type SummaryValue } from '../../formats/tensorboard/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import type { WeightAccess } from '../callback.ts'

/** Summaries of weights, made anew only for those that have changed: most of a network is frozen, and its histograms take longer than the epochs of a head. */
export function weightSummaryMaker(asImages: boolean): (weight: WeightAccess) => Promise<SummaryValue[]> {
  const known = new WeakMap<WeightAccess, { readonly version: number; readonly summaries: SummaryValue[] }>()
  return async (weight) => {
    const { version } = weight
    const found = known.get(weight)
    if (found?.version === version) return found.summaries
    const summaries = await weightSummaries(weight, asImages)
    known.set(weight, { version, summaries })
    return summaries
  }
}

/** A histogram, and with `asImages` pictures where the weight's form allows. */
async function weightSummaries(weight: WeightAccess, asImages: boolean): Promise<SummaryValue[]> {
  const histogram = histogramSummary(`${weight.path}/histogram`, weight.numbers())
  const pictures = asImages ? picturesOfWeight((await weight.read()) as Tensor<'float32'>) : undefined
  if (!pictures) return [histogram]
  const [, height, width] = pictures.shape
  return [histogram, imageSummary(`${weight.path}/image`, { width, height, files: await encodePictures(pictures) })]
}
