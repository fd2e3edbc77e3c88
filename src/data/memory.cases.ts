/** @file A dataset without files for the tests of data/: sample i is the one number i, and chosen samples fail. */
import { RootstockError } from '../errors.ts'
import { tensor } from '../tensor/index.ts'
import type { Dataset } from './dataset.ts'

/** Samples with the given labels; reading one of `broken` fails as a damaged picture does. */
export function memoryDataset(
  labels: readonly number[],
  broken: readonly number[] = [],
  delay: (index: number) => number = () => 0,
): Dataset {
  const classes = Math.max(0, ...labels) + 1
  const describe = (index: number): string => `sample ${index}`
  return {
    size: labels.length,
    classNames: Array.from({ length: classes }, (_, label) => `class ${label}`),
    labels: Int32Array.from(labels),
    describe,
    read: async (index) => {
      for (let turns = delay(index); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
      if (broken.includes(index)) throw new RootstockError('IMAGE', `Cannot read "${describe(index)}": the file is truncated`)
      return tensor([index])
    },
  }
}
