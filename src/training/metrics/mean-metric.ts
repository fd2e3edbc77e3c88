/** @file Metrics that are a weighted mean of one value per sample. */
import { z } from 'zod'
import type { Tensor } from '../../tensor/index.ts'
import { readState, storedFigure, storeFigure } from '../callbacks/stored-state.ts'
import { ratio, readBatch } from './metric.ts'
import type { Batch, LabelForm, Metric } from './metric.ts'

/** How one kind of accuracy judges a batch. */
export interface Judgement {
  readonly form: LabelForm
  /** Judged units per batch: rows or single entries, the same number for every sample. */
  units(batch: Batch): number
  /** Whether unit `index` is right. */
  isRight(batch: Batch, index: number): boolean
}

const STORED = z.object({ total: storedFigure, count: storedFigure })

/** The share of right units: the mean over each sample, then over the samples by weight. The judgement may depend on the shapes. */
export function meanMetric(name: string, judgementFor: (yTrue: Tensor, yPred: Tensor) => Judgement, keras?: Metric['keras']): Metric {
  let total = 0
  let count = 0
  return {
    name,
    direction: 'max',
    ...(keras ? { keras } : {}),
    update(yTrue, yPred, sampleWeight) {
      const judgement = judgementFor(yTrue, yPred)
      const batch = readBatch(name, judgement.form, { yTrue, yPred, sampleWeight })
      const perSample = batch.samples === 0 ? 0 : judgement.units(batch) / batch.samples
      for (let sample = 0; sample < batch.samples; sample++) {
        let right = 0
        for (let unit = 0; unit < perSample; unit++) if (judgement.isRight(batch, sample * perSample + unit)) right++
        total += batch.weight(sample) * ratio(right, perSample)
        count += batch.weight(sample)
      }
    },
    result: () => ratio(total, count),
    reset() {
      total = 0
      count = 0
    },
    state: () => ({ total: storeFigure(total), count: storeFigure(count) }),
    restore: (state) => void ({ total, count } = readState(name, STORED, state)),
  }
}
