import { expect, it } from 'vitest'
import { drive } from './drive.cases.ts'
import { history } from './history.ts'
import { reduceLROnPlateau } from './reduce-lr-on-plateau.ts'

it('history keeps what the callbacks before it wrote, over several runs', async () => {
  const kept = history()
  await drive([reduceLROnPlateau({ patience: 1, factor: 0.5 }), kept], [3, 3, 3], { learningRate: 1 })
  expect(kept.history).toEqual({ val_loss: [3, 3, 3], learning_rate: [1, 1, 0.5] })
  await drive([kept], [2])
  expect(kept.history['val_loss']).toEqual([3, 3, 3, 2])
  expect(kept.epoch).toEqual([0])
})

it('history state survives JSON, NaN included', async () => {
  const kept = history()
  await drive([kept], [1, NaN, -Infinity])
  const other = history()
  other.restore?.(JSON.parse(JSON.stringify(kept.state?.())))
  expect(other.history).toEqual({ val_loss: [1, NaN, -Infinity] })
  expect(other.epoch).toEqual([0, 1, 2])
})
