/** @file Small batches, and what Keras 3.15.1 says of them after two updates (two thirds of the samples, then the rest). */
import { tensor } from '../../tensor/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import * as metrics from './index.ts'
import type { Metric } from './index.ts'

const { accuracy, auc, binaryAccuracy, categoricalAccuracy, f1Score, precision, recall } = metrics
const { sparseCategoricalAccuracy, sparseTopKCategoricalAccuracy, topKCategoricalAccuracy } = metrics

interface Data {
  readonly yTrue: Tensor
  readonly yPred: Tensor
  readonly weight: Float32Array
}

export const data = {
  oneHot: {
    yTrue: tensor(
      [
        1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0,
        1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0,
      ],
      [9, 4],
    ),
    yPred: tensor(
      [
        0.0500000007, 0.138999999, 0.469999999, 0.340999991, 0.0810000002, 0.370999992, 0.411000013, 0.136999995, 0.25, 0.25, 0.25, 0.25,
        0.158999994, 0.216000006, 0.272000015, 0.352999985, 0.148000002, 0.337000012, 0.361999989, 0.151999995, 0.0, 0.0, 0.0, 0.0, 1.0,
        0.0, 0.0, 0.0, 0.0250000004, 0.588, 0.31099999, 0.0759999976, 0.272000015, 0.382999986, 0.0850000009, 0.259000003,
      ],
      [9, 4],
    ),
    weight: Float32Array.from([0.386999995, 0.428000003, 1.71700001, 0.254000008, 0.593999982, 0.986000001, 1.699, 1.92999995, 1.41600001]),
  },
  sparse: {
    yTrue: tensor([0.0, 1.0, 1.0, 2.0, 1.0, 2.0, 2.0, 0.0, 1.0], [9]),
    yPred: tensor(
      [
        0.0500000007, 0.138999999, 0.469999999, 0.340999991, 0.0810000002, 0.370999992, 0.411000013, 0.136999995, 0.25, 0.25, 0.25, 0.25,
        0.158999994, 0.216000006, 0.272000015, 0.352999985, 0.148000002, 0.337000012, 0.361999989, 0.151999995, 0.0, 0.0, 0.0, 0.0, 1.0,
        0.0, 0.0, 0.0, 0.0250000004, 0.588, 0.31099999, 0.0759999976, 0.272000015, 0.382999986, 0.0850000009, 0.259000003,
      ],
      [9, 4],
    ),
    weight: Float32Array.from([0.386999995, 0.428000003, 1.71700001, 0.254000008, 0.593999982, 0.986000001, 1.699, 1.92999995, 1.41600001]),
  },
  sparseColumn: {
    yTrue: tensor([0.0, 1.0, 1.0, 2.0, 1.0, 2.0, 2.0, 0.0, 1.0], [9, 1]),
    yPred: tensor(
      [
        0.0500000007, 0.138999999, 0.469999999, 0.340999991, 0.0810000002, 0.370999992, 0.411000013, 0.136999995, 0.25, 0.25, 0.25, 0.25,
        0.158999994, 0.216000006, 0.272000015, 0.352999985, 0.148000002, 0.337000012, 0.361999989, 0.151999995, 0.0, 0.0, 0.0, 0.0, 1.0,
        0.0, 0.0, 0.0, 0.0250000004, 0.588, 0.31099999, 0.0759999976, 0.272000015, 0.382999986, 0.0850000009, 0.259000003,
      ],
      [9, 4],
    ),
    weight: Float32Array.from([0.386999995, 0.428000003, 1.71700001, 0.254000008, 0.593999982, 0.986000001, 1.699, 1.92999995, 1.41600001]),
  },
  multiLabel: {
    yTrue: tensor(
      [
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0,
        1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0,
      ],
      [9, 4],
    ),
    yPred: tensor(
      [
        0.0500000007, 0.138999999, 0.469999999, 0.340999991, 0.0810000002, 0.370999992, 0.411000013, 0.136999995, 0.25, 0.25, 0.25, 0.25,
        0.158999994, 0.216000006, 0.272000015, 0.352999985, 0.148000002, 0.337000012, 0.361999989, 0.151999995, 0.0, 0.0, 0.0, 0.0, 1.0,
        0.0, 0.0, 0.0, 0.0250000004, 0.588, 0.31099999, 0.0759999976, 0.272000015, 0.382999986, 0.0850000009, 0.259000003,
      ],
      [9, 4],
    ),
    weight: Float32Array.from([0.386999995, 0.428000003, 1.71700001, 0.254000008, 0.593999982, 0.986000001, 1.699, 1.92999995, 1.41600001]),
  },
  binary: {
    yTrue: tensor([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0], [9, 1]),
    yPred: tensor(
      [0.214000002, 0.545000017, 0.70599997, 0.0520000011, 0.680000007, 0.368000001, 0.589999974, 0.670000017, 0.66900003],
      [9, 1],
    ),
    weight: Float32Array.from([0.386999995, 0.428000003, 1.71700001, 0.254000008, 0.593999982, 0.986000001, 1.699, 1.92999995, 1.41600001]),
  },
  binaryFlat: {
    yTrue: tensor([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0], [9]),
    yPred: tensor(
      [0.214000002, 0.545000017, 0.70599997, 0.0520000011, 0.680000007, 0.368000001, 0.589999974, 0.670000017, 0.66900003],
      [9],
    ),
    weight: Float32Array.from([0.386999995, 0.428000003, 1.71700001, 0.254000008, 0.593999982, 0.986000001, 1.699, 1.92999995, 1.41600001]),
  },
  binaryMixed: {
    yTrue: tensor([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0], [9]),
    yPred: tensor(
      [0.214000002, 0.545000017, 0.70599997, 0.0520000011, 0.680000007, 0.368000001, 0.589999974, 0.670000017, 0.66900003],
      [9, 1],
    ),
    weight: Float32Array.from([0.386999995, 0.428000003, 1.71700001, 0.254000008, 0.593999982, 0.986000001, 1.699, 1.92999995, 1.41600001]),
  },
  rank3: {
    yTrue: tensor(
      [0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
      [3, 2, 4],
    ),
    yPred: tensor(
      [
        0.0199999996, 0.527999997, 0.204999998, 0.740999997, 0.388999999, 0.379999995, 0.908999979, 0.393000007, 0.349000007, 0.34799999,
        0.481000006, 0.0930000022, 0.546999991, 0.921000004, 0.563000023, 0.744000018, 0.947000027, 0.842000008, 0.744000018, 0.813000023,
        0.819999993, 0.254000008, 0.481999993, 0.342999995,
      ],
      [3, 2, 4],
    ),
    weight: Float32Array.from([0.5, 2.0, 1.0]),
  },
} satisfies Record<string, Data>

export interface Row {
  readonly title: string
  readonly make: () => Metric
  readonly on: keyof typeof data
  readonly result: number
  readonly weightedResult: number
}

export const rows: readonly Row[] = [
  { title: 'accuracy()', make: () => accuracy(), on: 'oneHot', result: 0.111111112, weightedResult: 0.150462225 },
  { title: 'accuracy()', make: () => accuracy(), on: 'sparse', result: 0.111111112, weightedResult: 0.150462225 },
  { title: 'accuracy()', make: () => accuracy(), on: 'sparseColumn', result: 0.111111112, weightedResult: 0.150462225 },
  { title: 'accuracy()', make: () => accuracy(), on: 'binary', result: 0.444444448, weightedResult: 0.437148005 },
  { title: 'accuracy()', make: () => accuracy(), on: 'binaryMixed', result: 0.444444448, weightedResult: 0.437148005 },
  { title: 'categoricalAccuracy()', make: () => categoricalAccuracy(), on: 'oneHot', result: 0.111111112, weightedResult: 0.150462225 },
  { title: 'categoricalAccuracy()', make: () => categoricalAccuracy(), on: 'rank3', result: 0.333333343, weightedResult: 0.357142866 },
  {
    title: 'sparseCategoricalAccuracy()',
    make: () => sparseCategoricalAccuracy(),
    on: 'sparse',
    result: 0.111111112,
    weightedResult: 0.150462225,
  },
  {
    title: 'sparseCategoricalAccuracy()',
    make: () => sparseCategoricalAccuracy(),
    on: 'sparseColumn',
    result: 0.111111112,
    weightedResult: 0.150462225,
  },
  { title: 'binaryAccuracy()', make: () => binaryAccuracy(), on: 'oneHot', result: 0.694444418, weightedResult: 0.653596818 },
  { title: 'binaryAccuracy()', make: () => binaryAccuracy(), on: 'multiLabel', result: 0.638888896, weightedResult: 0.627324402 },
  { title: 'binaryAccuracy()', make: () => binaryAccuracy(), on: 'binary', result: 0.444444448, weightedResult: 0.437148005 },
  { title: 'binaryAccuracy()', make: () => binaryAccuracy(), on: 'binaryFlat', result: 0.444444448, weightedResult: 0.437148005 },
  {
    title: 'binaryAccuracy({ threshold: 0.2 })',
    make: () => binaryAccuracy({ threshold: 0.2 }),
    on: 'multiLabel',
    result: 0.555555582,
    weightedResult: 0.586361706,
  },
  {
    title: 'binaryAccuracy({ threshold: 0.2 })',
    make: () => binaryAccuracy({ threshold: 0.2 }),
    on: 'binaryMixed',
    result: 0.444444448,
    weightedResult: 0.500796914,
  },
  {
    title: 'topKCategoricalAccuracy({ k: 2 })',
    make: () => topKCategoricalAccuracy({ k: 2 }),
    on: 'oneHot',
    result: 0.777777791,
    weightedResult: 0.753798723,
  },
  {
    title: 'topKCategoricalAccuracy({ k: 2 })',
    make: () => topKCategoricalAccuracy({ k: 2 }),
    on: 'rank3',
    result: 0.333333343,
    weightedResult: 0.357142866,
  },
  { title: 'topKCategoricalAccuracy()', make: () => topKCategoricalAccuracy(), on: 'oneHot', result: 1.0, weightedResult: 1.0 },
  {
    title: 'sparseTopKCategoricalAccuracy({ k: 3 })',
    make: () => sparseTopKCategoricalAccuracy({ k: 3 }),
    on: 'sparse',
    result: 0.777777791,
    weightedResult: 0.753798723,
  },
  {
    title: 'sparseTopKCategoricalAccuracy({ k: 1 })',
    make: () => sparseTopKCategoricalAccuracy({ k: 1 }),
    on: 'sparse',
    result: 0.333333343,
    weightedResult: 0.437679291,
  },
  { title: 'precision()', make: () => precision(), on: 'oneHot', result: 0.0, weightedResult: 0.0 },
  { title: 'precision()', make: () => precision(), on: 'multiLabel', result: 0.5, weightedResult: 0.468173057 },
  { title: 'precision()', make: () => precision(), on: 'binary', result: 0.5, weightedResult: 0.478802651 },
  { title: 'precision()', make: () => precision(), on: 'binaryFlat', result: 0.5, weightedResult: 0.478802651 },
  {
    title: 'precision({ thresholds: 0.3 })',
    make: () => precision({ thresholds: 0.3 }),
    on: 'oneHot',
    result: 0.272727281,
    weightedResult: 0.242659494,
  },
  {
    title: 'precision({ thresholds: 0.3 })',
    make: () => precision({ thresholds: 0.3 }),
    on: 'multiLabel',
    result: 0.363636374,
    weightedResult: 0.411764711,
  },
  { title: 'precision({ topK: 2 })', make: () => precision({ topK: 2 }), on: 'oneHot', result: 0.277777791, weightedResult: 0.234247148 },
  {
    title: 'precision({ topK: 2 })',
    make: () => precision({ topK: 2 }),
    on: 'multiLabel',
    result: 0.333333343,
    weightedResult: 0.324513853,
  },
  {
    title: 'precision({ topK: 2, thresholds: 0.3 })',
    make: () => precision({ topK: 2, thresholds: 0.3 }),
    on: 'multiLabel',
    result: 0.363636374,
    weightedResult: 0.411764711,
  },
  {
    title: 'precision({ classId: 1, thresholds: 0.2 })',
    make: () => precision({ classId: 1, thresholds: 0.2 }),
    on: 'oneHot',
    result: 0.666666687,
    weightedResult: 0.655466139,
  },
  {
    title: 'precision({ classId: 1, thresholds: 0.2 })',
    make: () => precision({ classId: 1, thresholds: 0.2 }),
    on: 'multiLabel',
    result: 0.166666672,
    weightedResult: 0.22337909,
  },
  {
    title: 'precision({ topK: 1, classId: 0 })',
    make: () => precision({ topK: 1, classId: 0 }),
    on: 'multiLabel',
    result: 0.666666687,
    weightedResult: 0.776010871,
  },
  { title: 'recall()', make: () => recall(), on: 'oneHot', result: 0.0, weightedResult: 0.0 },
  { title: 'recall()', make: () => recall(), on: 'multiLabel', result: 0.0769230798, weightedResult: 0.123133793 },
  { title: 'recall()', make: () => recall(), on: 'binary', result: 0.600000024, weightedResult: 0.750352263 },
  { title: 'recall()', make: () => recall(), on: 'binaryFlat', result: 0.600000024, weightedResult: 0.750352263 },
  {
    title: 'recall({ thresholds: 0.3 })',
    make: () => recall({ thresholds: 0.3 }),
    on: 'oneHot',
    result: 0.333333343,
    weightedResult: 0.259058565,
  },
  {
    title: 'recall({ thresholds: 0.3 })',
    make: () => recall({ thresholds: 0.3 }),
    on: 'multiLabel',
    result: 0.307692319,
    weightedResult: 0.299826086,
  },
  { title: 'recall({ topK: 2 })', make: () => recall({ topK: 2 }), on: 'oneHot', result: 0.555555582, weightedResult: 0.468494356 },
  { title: 'recall({ topK: 2 })', make: () => recall({ topK: 2 }), on: 'multiLabel', result: 0.461538464, weightedResult: 0.442672819 },
  {
    title: 'recall({ topK: 2, thresholds: 0.3 })',
    make: () => recall({ topK: 2, thresholds: 0.3 }),
    on: 'multiLabel',
    result: 0.307692319,
    weightedResult: 0.299826086,
  },
  {
    title: 'recall({ classId: 1, thresholds: 0.2 })',
    make: () => recall({ classId: 1, thresholds: 0.2 }),
    on: 'oneHot',
    result: 1.0,
    weightedResult: 1.0,
  },
  {
    title: 'recall({ classId: 1, thresholds: 0.2 })',
    make: () => recall({ classId: 1, thresholds: 0.2 }),
    on: 'multiLabel',
    result: 1.0,
    weightedResult: 1.0,
  },
  {
    title: 'recall({ topK: 1, classId: 0 })',
    make: () => recall({ topK: 1, classId: 0 }),
    on: 'multiLabel',
    result: 0.5,
    weightedResult: 0.801125705,
  },
  {
    title: "f1Score({ average: 'macro' })",
    make: () => f1Score({ average: 'macro' }),
    on: 'oneHot',
    result: 0.142857119,
    weightedResult: 0.169939235,
  },
  {
    title: "f1Score({ average: 'macro' })",
    make: () => f1Score({ average: 'macro' }),
    on: 'multiLabel',
    result: 0.441666663,
    weightedResult: 0.479982495,
  },
  {
    title: "f1Score({ average: 'macro', threshold: 0.3 })",
    make: () => f1Score({ average: 'macro', threshold: 0.3 }),
    on: 'multiLabel',
    result: 0.299999952,
    weightedResult: 0.318959683,
  },
  {
    title: "f1Score({ average: 'macro', threshold: 0.3 })",
    make: () => f1Score({ average: 'macro', threshold: 0.3 }),
    on: 'binary',
    result: 0.666666627,
    weightedResult: 0.686175942,
  },
  {
    title: "f1Score({ average: 'micro' })",
    make: () => f1Score({ average: 'micro' }),
    on: 'oneHot',
    result: 0.199999958,
    weightedResult: 0.272588789,
  },
  {
    title: "f1Score({ average: 'micro' })",
    make: () => f1Score({ average: 'micro' }),
    on: 'multiLabel',
    result: 0.49999994,
    weightedResult: 0.553152561,
  },
  {
    title: "f1Score({ average: 'micro', threshold: 0.3 })",
    make: () => f1Score({ average: 'micro', threshold: 0.3 }),
    on: 'multiLabel',
    result: 0.333333284,
    weightedResult: 0.346990973,
  },
  {
    title: "f1Score({ average: 'micro', threshold: 0.3 })",
    make: () => f1Score({ average: 'micro', threshold: 0.3 }),
    on: 'binary',
    result: 0.666666627,
    weightedResult: 0.686175942,
  },
  {
    title: "f1Score({ average: 'weighted' })",
    make: () => f1Score({ average: 'weighted' }),
    on: 'oneHot',
    result: 0.253968209,
    weightedResult: 0.300115824,
  },
  {
    title: "f1Score({ average: 'weighted' })",
    make: () => f1Score({ average: 'weighted' }),
    on: 'multiLabel',
    result: 0.520512819,
    weightedResult: 0.582377613,
  },
  {
    title: "f1Score({ average: 'weighted', threshold: 0.3 })",
    make: () => f1Score({ average: 'weighted', threshold: 0.3 }),
    on: 'multiLabel',
    result: 0.338461488,
    weightedResult: 0.32212618,
  },
  {
    title: "f1Score({ average: 'weighted', threshold: 0.3 })",
    make: () => f1Score({ average: 'weighted', threshold: 0.3 }),
    on: 'binary',
    result: 0.666666627,
    weightedResult: 0.686175942,
  },
  { title: 'auc()', make: () => auc(), on: 'oneHot', result: 0.475308657, weightedResult: 0.42086485 },
  { title: 'auc()', make: () => auc(), on: 'multiLabel', result: 0.642140508, weightedResult: 0.64676553 },
  { title: 'auc()', make: () => auc(), on: 'binary', result: 0.625, weightedResult: 0.70573473 },
  { title: 'auc()', make: () => auc(), on: 'binaryFlat', result: 0.625, weightedResult: 0.70573473 },
  { title: "auc({ curve: 'PR' })", make: () => auc({ curve: 'PR' }), on: 'oneHot', result: 0.238610655, weightedResult: 0.214332923 },
  { title: "auc({ curve: 'PR' })", make: () => auc({ curve: 'PR' }), on: 'multiLabel', result: 0.492690861, weightedResult: 0.528321385 },
  { title: "auc({ curve: 'PR' })", make: () => auc({ curve: 'PR' }), on: 'binary', result: 0.782597899, weightedResult: 0.815339148 },
  {
    title: 'auc({ numThresholds: 7 })',
    make: () => auc({ numThresholds: 7 }),
    on: 'multiLabel',
    result: 0.566889644,
    weightedResult: 0.620403647,
  },
  {
    title: "auc({ numThresholds: 7, curve: 'PR' })",
    make: () => auc({ numThresholds: 7, curve: 'PR' }),
    on: 'multiLabel',
    result: 0.450060904,
    weightedResult: 0.519047856,
  },
  {
    title: "auc({ summationMethod: 'minoring' })",
    make: () => auc({ summationMethod: 'minoring' }),
    on: 'multiLabel',
    result: 0.62207365,
    weightedResult: 0.608421922,
  },
  {
    title: "auc({ curve: 'PR', summationMethod: 'minoring' })",
    make: () => auc({ curve: 'PR', summationMethod: 'minoring' }),
    on: 'multiLabel',
    result: 0.392724276,
    weightedResult: 0.384643674,
  },
  {
    title: "auc({ summationMethod: 'majoring' })",
    make: () => auc({ summationMethod: 'majoring' }),
    on: 'multiLabel',
    result: 0.662207365,
    weightedResult: 0.685109019,
  },
  {
    title: "auc({ curve: 'PR', summationMethod: 'majoring' })",
    make: () => auc({ curve: 'PR', summationMethod: 'majoring' }),
    on: 'multiLabel',
    result: 0.513463557,
    weightedResult: 0.547214925,
  },
]
