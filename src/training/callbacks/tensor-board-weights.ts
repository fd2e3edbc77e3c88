/** @file What TensorBoard is shown of a weight: the distribution of its numbers, and the numbers as a picture. */
import { encodePictures, histogramSummary, imageSummary, picturesOfWeight, type SummaryValue } from '../../formats/tensorboard/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import type { WeightAccess } from '../callback.ts'

/** A histogram, and with `asImages` pictures where the weight's form allows. */
export async function weightSummaries(weight: WeightAccess, asImages: boolean): Promise<SummaryValue[]> {
  const tensor = (await weight.read()) as Tensor<'float32'>
  const histogram = histogramSummary(`${weight.path}/histogram`, tensor.data)
  const pictures = asImages ? picturesOfWeight(tensor) : undefined
  if (!pictures) return [histogram]
  const [, height, width] = pictures.shape
  return [histogram, imageSummary(`${weight.path}/image`, { width, height, files: await encodePictures(pictures) })]
}
