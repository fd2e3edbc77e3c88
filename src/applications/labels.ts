/** @file The classes that the ImageNet networks tell apart. */
import { labelWords } from './labels-data.ts'

/** One ImageNet class. */
export interface ImagenetLabel {
  /** WordNet id, "n01440764"; unique. */
  readonly wnid: string
  /** Name, "tench"; two names ("crane", "maillot") belong to two classes each. */
  readonly name: string
}

/** The 1,000 classes; the position is the index in a network's output. */
export const imagenetLabels: readonly ImagenetLabel[] = Array.from(labelWords.matchAll(/(\S+)\s+(\S+)/g), ([, wnid = '', name = '']) => ({
  wnid,
  name,
}))
