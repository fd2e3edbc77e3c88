/** @file Softmax regression with a pull towards zero: a linear head, solved to its only minimum; the products run on the engine. */
import { engine } from '../../engine/index.ts'
import { createTape, steps, type Graph, type Value } from '../../graph/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { minimize, type Slope } from './minimize.ts'

/** Rows with their classes. */
export interface Samples {
  /** [n, width]; the last number of each row is the offset's one. */
  readonly rows: Tensor<'float32'>
  /** Class of each row. */
  readonly labels: readonly number[]
}

/** Heads for rows of one width and one number of classes. */
export interface Regression {
  /**
   * The weights [width, classes] at which Σ −log p(class) / n + decay/2·‖W‖² is least; offsets are not pulled. The
   * answer does not depend on `start`, the time does; `tolerance` is the largest slope that is left, default 1e-4.
   */
  fit(samples: Samples, decay: number, how?: { start?: Float64Array | undefined; tolerance?: number }): Promise<Float64Array>
  /** Σ −log p(class) over the samples. */
  loss(samples: Samples, weights: Float64Array): Promise<number>
  /** The likeliest class of each row; the first of equals. */
  classify(rows: Tensor<'float32'>, weights: Float64Array): Promise<number[]>
  dispose(): Promise<void>
}

/** Compiles loss, gradient and answers once, for any number of rows. */
export async function openRegression(width: number, classes: number): Promise<Regression> {
  const { graph, answers, inputs, outputs } = record(width, classes)
  const program = await engine().compile(graph)
  const answering = await engine().compile(answers)
  const tensor = (weights: Float64Array): Tensor<'float32'> => ({
    data: new Float32Array(weights),
    shape: [width, classes],
    dtype: 'float32',
  })
  /** Loss and gradient, summed over the samples. */
  const sums = ({ rows, labels }: Samples): ((at: Float64Array) => Promise<Sums>) => {
    const targets = oneHot(labels, classes)
    return async (at) => {
      const feeds = new Map([
        [inputs.rows, rows],
        [inputs.weights, tensor(at)],
        [inputs.targets, targets],
      ])
      const results = await program.run(feeds)
      const [loss, gradient] = [outputs.loss, outputs.gradient].map((output) => results.get(output)?.data as Float32Array)
      return { loss: loss![0]!, gradient: gradient! }
    }
  }
  return {
    fit(samples, decay, { start = new Float64Array(width * classes), ...how } = {}) {
      const sumsAt = sums(samples)
      const pull = { decay, classes, count: samples.labels.length }
      return minimize(async (at) => pulled(await sumsAt(at), at, pull), start, how)
    },
    loss: async (samples, weights) => (await sums(samples)(weights)).loss,
    async classify(rows, weights) {
      const results = await answering.run(
        new Map([
          [inputs.rows, rows],
          [inputs.weights, tensor(weights)],
        ]),
      )
      const scores = results.get(outputs.scores)?.data as Float32Array
      return Array.from({ length: rows.shape[0] ?? 0 }, (_, i) => {
        const row = scores.subarray(i * classes, (i + 1) * classes)
        return row.indexOf(Math.max(...row))
      })
    },
    async dispose() {
      await program.dispose()
      await answering.dispose()
    },
  }
}

interface Recorded {
  readonly graph: Graph
  readonly answers: Graph
  readonly inputs: Readonly<Record<'rows' | 'weights' | 'targets', Value>>
  readonly outputs: Readonly<Record<'loss' | 'gradient' | 'scores', Value>>
}

/** loss = −Σ T·log p,  dloss/dW = Xᵀ·(p − T),  p = softmax(X·W) */
function record(width: number, classes: number): Recorded {
  const tape = createTape()
  const rows = tape.input('rows', { shape: [null, width], dtype: 'float32' })
  const weights = tape.input('weights', { shape: [width, classes], dtype: 'float32' })
  const given = [...tape.inputs]
  const targets = tape.input('targets', { shape: [null, classes], dtype: 'float32' })
  const scores = tape.op('MatMul', [rows, weights], {})
  const logs = tape.op('LogSoftmax', [scores], { axis: 1 })
  const loss = steps.neg(tape, steps.sumOver(tape, steps.mul(tape, logs, targets), [0, 1]))
  const errors = steps.sub(tape, tape.op('Exp', [logs], {}), targets)
  const gradient = tape.op('Gemm', [rows, errors], { alpha: 1, beta: 1, transA: 1, transB: 0 })
  const answers = { ...tape.graph([scores]), inputs: given }
  return { graph: tape.graph([loss, gradient]), answers, inputs: { rows, weights, targets }, outputs: { loss, gradient, scores } }
}

/** Loss and gradient, summed over the rows. */
interface Sums {
  readonly loss: number
  readonly gradient: Float32Array
}

/** The mean over the rows, with the pull added in double precision. */
function pulled(
  { loss, gradient }: Sums,
  at: Float64Array,
  { decay, classes, count }: { decay: number; classes: number; count: number },
): Slope {
  const offsets = at.length - classes
  let squares = 0
  for (let i = 0; i < offsets; i++) squares += at[i]! ** 2
  // A loop, as `Float64Array.from` with a function took half of the whole time.
  const whole = new Float64Array(at.length)
  for (let i = 0; i < whole.length; i++) whole[i] = gradient[i]! / count + (i < offsets ? decay * at[i]! : 0)
  return { value: loss / count + (decay / 2) * squares, gradient: whole }
}

function oneHot(labels: readonly number[], classes: number): Tensor<'float32'> {
  const data = new Float32Array(labels.length * classes)
  labels.forEach((label, i) => (data[i * classes + label] = 1))
  return { data, shape: [labels.length, classes], dtype: 'float32' }
}
