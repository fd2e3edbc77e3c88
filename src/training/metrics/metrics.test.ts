import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rows as rowsOf, tensor } from '../../tensor/index.ts'
import * as metrics from './index.ts'
import type { Metric } from './index.ts'
import { data, rows } from './keras-results.cases.ts'

const { accuracy, auc, binaryAccuracy, categoricalAccuracy, f1Score, precision, recall, resolveMetric } = metrics
const { sparseCategoricalAccuracy, sparseTopKCategoricalAccuracy, topKCategoricalAccuracy } = metrics

const golden = JSON.parse(readFileSync(new URL('../../../test/golden/numerics.json', import.meta.url), 'utf8')) as Record<string, number[]>

const near = (value: number) => expect.closeTo(value, 6) as number

describe('metrics against numerics.json', () => {
  const made: Record<string, Metric> = {
    metric_accuracy: categoricalAccuracy(),
    metric_top2: topKCategoricalAccuracy({ k: 2 }),
    metric_precision: precision(),
    metric_recall: recall(),
    metric_auc: auc(),
    metric_f1: f1Score({ average: 'macro' }),
    metric_binary_accuracy: binaryAccuracy(),
  }

  it('has a metric for every golden', () => {
    expect(
      Object.keys(golden)
        .filter((key) => key.startsWith('metric_'))
        .sort(),
    ).toEqual(Object.keys(made).sort())
  })

  it.each(Object.entries(made))('%s', (key, metric) => {
    metric.update(tensor(golden['t'] ?? [], [4, 3]), tensor(golden['p'] ?? [], [4, 3]))
    const [expected = NaN] = golden[key] ?? []
    expect(Math.abs(metric.result() - expected)).toBeLessThanOrEqual(1e-5 * expected)
  })
})

describe('metrics against Keras', () => {
  it.each(rows)('$title on $on', ({ make, on, result, weightedResult }) => {
    const { yTrue, yPred, weight } = data[on]
    const samples = yPred.shape[0] ?? 0
    const cut = samples > 3 ? Math.floor(samples / 3) * 2 : 2
    const metric = make()
    const feed = (weights?: Float32Array): number => {
      for (const [from, to] of [
        [0, cut],
        [cut, samples],
      ] as const) {
        metric.update(rowsOf(yTrue, from, to), rowsOf(yPred, from, to), weights?.subarray(from, to))
      }
      return metric.result()
    }
    expect(feed()).toEqual(near(result))
    metric.reset()
    expect(metric.result()).toBe(0)
    expect(feed(weight)).toEqual(near(weightedResult))
  })
})

describe('labels', () => {
  it('may be of any whole-number type', () => {
    const { yPred } = data.sparse
    const expected = rows.find((row) => row.title === 'sparseCategoricalAccuracy()' && row.on === 'sparse')?.result ?? NaN
    const labels = [...data.sparse.yTrue.data]
    const shape = [labels.length]
    const given = [
      { data: Int32Array.from(labels, Number), shape, dtype: 'int32' },
      { data: BigInt64Array.from(labels, BigInt), shape, dtype: 'int64' },
      { data: Uint8Array.from(labels, Number), shape, dtype: 'uint8' },
    ] as const
    for (const yTrue of given) {
      for (const metric of [sparseCategoricalAccuracy(), accuracy()]) {
        metric.update(yTrue, yPred)
        expect(metric.result()).toEqual(near(expected))
      }
    }
  })

  it.each([
    ['precision', precision(), data.sparse],
    ['categorical_accuracy', categoricalAccuracy(), data.sparse],
    ['sparse_categorical_accuracy', sparseCategoricalAccuracy(), data.oneHot],
    ['sparse_top_k_categorical_accuracy', sparseTopKCategoricalAccuracy(), data.oneHot],
    ['auc', auc(), data.sparse],
    ['f1_score', f1Score(), data.binaryFlat],
    ['f1_score', f1Score(), data.rank3],
    ['recall', recall({ topK: 5 }), data.oneHot],
    ['recall', recall({ classId: 4 }), data.oneHot],
  ])('that do not fit %s are refused', (name, metric, { yTrue, yPred }) => {
    expect(() => metric.update(yTrue, yPred)).toThrow(
      expect.objectContaining({ code: 'SHAPE', message: expect.stringContaining(`Cannot compute ${name}:`) as string }),
    )
  })

  it('and weights must be as many as samples', () => {
    const { yTrue, yPred } = data.oneHot
    expect(() => accuracy().update(yTrue, yPred, new Float32Array(2))).toThrow(expect.objectContaining({ code: 'SHAPE' }))
  })

  it('of another number of classes than before are refused by f1Score', () => {
    const metric = f1Score()
    metric.update(data.oneHot.yTrue, data.oneHot.yPred)
    expect(() => metric.update(data.binary.yTrue, data.binary.yPred)).toThrow(expect.objectContaining({ code: 'SHAPE' }))
  })
})

describe('topKCategoricalAccuracy', () => {
  it('never counts a row that holds NaN', () => {
    const metric = sparseTopKCategoricalAccuracy({ k: 3 })
    metric.update(tensor([0, 0, 7]), tensor([1, NaN, 0, 1, 0, 0, 1, 0, 0], [3, 3]))
    expect(metric.result()).toEqual(near(1 / 3))
  })
})

describe('properties', () => {
  const sample = fc.record({
    label: fc.nat(2),
    scores: fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
  })
  const batches = fc.array(sample, { minLength: 1, maxLength: 20 })
  const all = (): Metric[] => [
    accuracy(),
    topKCategoricalAccuracy({ k: 2 }),
    precision(),
    recall({ topK: 1 }),
    f1Score(),
    f1Score({ average: 'micro' }),
    auc(),
    auc({ curve: 'PR' }),
  ]
  const feed = (metric: Metric, samples: readonly { label: number; scores: readonly number[] }[]): void => {
    const labels = samples.flatMap(({ label }) => [0, 1, 2].map((i) => (i === label ? 1 : 0)))
    metric.update(
      tensor(labels, [samples.length, 3]),
      tensor(
        samples.flatMap(({ scores }) => scores),
        [samples.length, 3],
      ),
    )
  }

  it('every metric lies in 0 … 1 and does not depend on how samples are batched', () => {
    fc.assert(
      fc.property(batches, fc.nat(20), (samples, cut) => {
        const whole = all()
        const parts = all()
        for (const [i, metric] of whole.entries()) {
          feed(metric, samples)
          const part = parts[i] ?? metric
          if (cut > 0) feed(part, samples.slice(0, cut))
          if (cut < samples.length) feed(part, samples.slice(cut))
          expect(metric.result()).toBeGreaterThanOrEqual(-1e-12)
          expect(metric.result()).toBeLessThanOrEqual(1 + 1e-12)
          expect(part.result()).toBeCloseTo(metric.result(), 9)
        }
      }),
    )
  })
})

describe('resolveMetric', () => {
  it.each([
    ['accuracy', 'accuracy'],
    ['acc', 'acc'],
    ['AUC', 'AUC'],
    ['auc', 'auc'],
    ['F1Score', 'F1Score'],
    ['f1Score', 'f1_score'],
    ['topKCategoricalAccuracy', 'top_k_categorical_accuracy'],
    ['sparse_top_k_categorical_accuracy', 'sparse_top_k_categorical_accuracy'],
    ['Precision', 'Precision'],
  ])('%s logs as %s', (spec, name) => expect(resolveMetric(spec)).toMatchObject({ name, direction: 'max' }))

  it('knows every name it offers', () => {
    for (const name of metrics.metricNames) expect(resolveMetric(name).name).toBe(name)
  })

  it('makes a fresh metric each time, and leaves a metric as it is', () => {
    expect(resolveMetric('auc')).not.toBe(resolveMetric('auc'))
    const own = recall({ name: 'mine' })
    expect(resolveMetric(own)).toBe(own)
  })

  it('offers the nearest names', () => {
    expect(() => resolveMetric('acuracy')).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_NAME', hint: expect.stringContaining('"accuracy"') as string }),
    )
    expect(() => resolveMetric('constructor')).toThrow(expect.objectContaining({ code: 'UNKNOWN_NAME' }))
  })
})

// Keras 3.15: BinaryAccuracy(threshold=…) of [1, 0, 1, 0] and the logits [2, -1, -0.5, 0].
it.each([
  [0, 0.75],
  [1, 0.75],
  [-1, 0.75],
])('binaryAccuracy takes the threshold %f of logits, as Keras does', (threshold, expected) => {
  const metric = binaryAccuracy({ threshold })
  metric.update(tensor([1, 0, 1, 0], [4, 1]), tensor([2, -1, -0.5, 0], [4, 1]))
  expect(metric.result()).toBe(expected)
})

it.each([
  ['topKCategoricalAccuracy: k is 0', () => topKCategoricalAccuracy({ k: 0 })],
  ['sparseTopKCategoricalAccuracy: k is 1.5', () => sparseTopKCategoricalAccuracy({ k: 1.5 })],
  ['binaryAccuracy: threshold is NaN', () => binaryAccuracy({ threshold: NaN })],
  ['precision: thresholds is 2', () => precision({ thresholds: 2 })],
  ['precision: topK is 0', () => precision({ topK: 0 })],
  ['recall: classId is -1', () => recall({ classId: -1 })],
  ['f1Score: average is "none", expected one of macro, micro, weighted', () => f1Score({ average: 'none' as 'macro' })],
  ['f1Score: threshold is 0', () => f1Score({ threshold: 0 })],
  ['auc: numThresholds is 1', () => auc({ numThresholds: 1 })],
  ['auc: curve is "XYZ", expected one of ROC, PR', () => auc({ curve: 'XYZ' as 'PR' })],
])('refuses %s', (message, make) => {
  expect(make).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(`Cannot make ${message}`) as string }))
})
