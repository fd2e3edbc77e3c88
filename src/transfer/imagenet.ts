/** @file What networks with ImageNet's thousand classes have in common as classifiers. Imports little: a cold process that predicts needs it. */
import { imagenetLabels } from '../applications/labels.ts'
import type { PreprocessMode } from '../image/index.ts'
import type { ClassifierParts, PhotoReading } from './classifier.ts'

/** The classes as a classifier names them. */
export const imagenetClasses: ClassifierParts['labels'] = imagenetLabels.map(({ wnid, name }) => ({ label: name, wnid }))

/** How such a network reads photos. */
export const imagenetReading = (size: number, preprocessing: PreprocessMode): PhotoReading => ({
  size,
  preprocessing,
  interpolation: 'bilinear',
  exif: 'apply',
})
