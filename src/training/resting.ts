/** @file Weights that a training does not change wait on disk, so that memory holds a frozen network once: in the form in which the engine reads it. */
import { cacheHome, scratchWith } from '../files/index.ts'
import { bulkOf, type Variable } from '../layers/index.ts'
import type { Functional } from '../models/index.ts'
import { collectGarbage, passing } from '../tensor/index.ts'
import type { Compiled } from './compile.ts'

/** Puts the frozen weights of a large network on disk, from where they are read when somebody asks. Where there is no room they stay. */
export function restFrozenWeights({ weights }: Functional, { trainableLayers }: Compiled): void {
  const frozen = bulkOf(weights.filter(({ layer, isResting }) => !isResting && !trainableLayers.has(layer)))
  if (frozen.length === 0 || !restOnDisk(frozen)) return
  for (const weight of weights) weight.moveOut()
  // Freed before kernels take as much memory again: the collector would wait until they do.
  collectGarbage()
}

/** Writes them all before the first is let go of. False, with all as they were, where that is not possible. */
function restOnDisk(weights: readonly Variable[]): boolean {
  const places: number[] = []
  const scratch = scratchWith(cacheHome(), (made) => {
    let end = 0
    for (const weight of weights) {
      const { data } = weight.passingValue()
      made.write(data, end)
      passing(data.byteLength)
      places.push(end)
      end += data.byteLength
    }
  })
  if (!scratch) return false
  for (const [i, weight] of weights.entries()) weight.rest((into, from) => void scratch.read(into, places[i]! + 4 * from))
  return true
}
