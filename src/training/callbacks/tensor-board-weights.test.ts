/** @file Summaries of weights: made once for each version of a weight. */
import { expect, it } from 'vitest'
import { tensor } from '../../tensor/index.ts'
import { weightSummaryMaker } from './tensor-board-weights.ts'

it('reads a weight again only when it has changed', async () => {
  let [reads, version] = [0, 0]
  const weight = {
    path: 'dense/kernel',
    get version() {
      return version
    },
    read: () => Promise.resolve(tensor([0, 1, 2], [3])),
    numbers: () => [reads++, 1, 2],
    assign: () => undefined,
  }
  const summariesOf = weightSummaryMaker(false)
  const first = await summariesOf(weight)
  expect(await summariesOf(weight)).toEqual(first)
  expect(reads).toBe(1)
  version++
  expect(await summariesOf(weight)).not.toEqual(first)
  expect(await summariesOf({ ...weight, path: 'dense/bias', version })).not.toEqual(first)
  expect(reads).toBe(3)
})
