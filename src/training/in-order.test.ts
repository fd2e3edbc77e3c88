/** @file Work side by side is finished in the order in which it began. */
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { inOrder } from './in-order.ts'

it.each([0, 1, 3])('with %d pieces ahead', async (ahead) => {
  const finished: number[] = []
  let [underWay, most] = [0, 0]
  const work = async (piece: number): Promise<number> => {
    most = Math.max(most, ++underWay)
    // The first ones take longest.
    await setTimeout(20 - 2 * piece)
    underWay--
    return piece
  }
  const runs = inOrder(ahead, (piece: number) => Promise.resolve(void finished.push(piece)))
  for (let piece = 0; piece < 8; piece++) await runs.begin(work(piece))
  await runs.end()
  expect(finished).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(most).toBe(ahead + 1)
})

it('throws what the first piece that fails throws, and nothing is left unheard', async () => {
  const runs = inOrder(2, () => Promise.resolve())
  await runs.begin(Promise.reject(new Error('first')))
  await runs.begin(Promise.reject(new Error('second')))
  await expect(runs.begin(Promise.resolve())).rejects.toThrow('first')
})
