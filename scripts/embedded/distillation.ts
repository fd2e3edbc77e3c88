/** @file The student and what it is told: the teacher's features, its opinion of 1,000 classes, and the true class where it is known. */
import * as layers from '../../src/layers/index.ts'
import { application } from '../../src/applications/index.ts'
import { steps, type Tape, type Value } from '../../src/graph/index.ts'
import { model, optimizers, type Model } from '../../src/training/index.ts'
import { TEACHER_FEATURES, type TeacherTop } from './teach.ts'

const { add, mul, neg, scale, sub, sumOver, meanOver } = steps

/** Classes of the 32-pixel pictures, after which the kinds of flowers are numbered. */
export const SMALL_CLASSES = 200
/** The true classes: those of the small pictures, and five kinds of flowers. */
export const CLASSES = SMALL_CLASSES + 5
/** A target is the teacher's standardized features, then the true class; zeros where that is unknown. */
export const TARGETS = TEACHER_FEATURES + CLASSES

/** Mean and deviation of each of the teacher's features. */
export interface Standard {
  readonly mean: Float32Array
  readonly deviation: Float32Array
}

/** How much each part of the loss counts. */
const SHARES = { features: 2, opinion: 1 } as const
/** The first that `lateLayersOnly` trains. */
const FIRST_LATE_LAYER = 'conv_dw_6'

export interface StudentOptions {
  readonly alpha: number
  readonly top: TeacherTop
  readonly standard: Standard
  readonly learningRate: (step: number) => number
  /** The early layers stay as they are, batch statistics included: a step takes 0.6 of the time. */
  readonly lateLayersOnly: boolean
  /** How much the true classes count in the loss. */
  readonly classShare: number
  /** Weights to begin with: a file, or null for random ones. */
  readonly weights: string | null
}

/** A MobileNet for pictures of any size, compiled to learn from the teacher. */
export async function createStudent(options: StudentOptions): Promise<{ student: Model; base: Model }> {
  const { alpha, learningRate, weights } = options
  const base = await application('mobilenet', { alpha, weights, includeTop: false, pooling: 'avg' })
  const [pooled] = base.outputs
  if (!pooled) throw new Error('The network has no output')
  if (options.lateLayersOnly) {
    const first = base.layers.findIndex(({ name }) => name === FIRST_LATE_LAYER)
    for (const layer of base.layers.slice(0, first)) layer.trainable = false
  }
  const told = layers.dense({ units: TARGETS, name: 'told' })(pooled)
  const student = model({ inputs: base.inputs, outputs: told })
  const schedule = { name: 'Stages', at: learningRate, config: {} }
  student.compile({
    optimizer: optimizers.adamW({ learningRate: schedule, weightDecay: 0.02, globalClipnorm: 5 }),
    loss: { name: 'distillation', targets: 'categorical', perSample: (inputs) => distillation(inputs, options) },
  })
  return { student, base }
}

interface Told {
  readonly tape: Tape
  readonly targets: Value
  readonly predictions: Value
}

// 2·mean (f − t)² + KL(teacher's classes of t, of f) + share·crossentropy of the true class
function distillation({ tape, targets, predictions }: Told, { top, standard, classShare }: StudentOptions): Value {
  const wanted = columns(tape, targets, 0, TEACHER_FEATURES)
  const found = columns(tape, predictions, 0, TEACHER_FEATURES)
  const difference = sub(tape, wanted, found)
  const features = meanOver(tape, mul(tape, difference, difference), [1])
  const teacher = tape.op('LogSoftmax', [opinion(tape, wanted, top, standard)], { axis: 1 })
  const student = tape.op('LogSoftmax', [opinion(tape, found, top, standard)], { axis: 1 })
  const divergence = sumOver(tape, mul(tape, tape.op('Exp', [teacher], {}), sub(tape, teacher, student)), [1])
  const classes = tape.op('LogSoftmax', [columns(tape, predictions, TEACHER_FEATURES, TARGETS)], { axis: 1 })
  const crossentropy = neg(tape, sumOver(tape, mul(tape, columns(tape, targets, TEACHER_FEATURES, TARGETS), classes), [1]))
  const both = add(tape, scale(tape, features, SHARES.features), scale(tape, divergence, SHARES.opinion))
  return add(tape, both, scale(tape, crossentropy, classShare))
}

/** The teacher's logits for standardized features. */
function opinion(tape: Tape, features: Value, { kernel, bias }: TeacherTop, { mean, deviation }: Standard): Value {
  const plain = add(tape, mul(tape, features, tape.number([...deviation])), tape.number([...mean]))
  return add(tape, tape.op('MatMul', [plain, tape.constant(kernel)], {}), tape.constant(bias))
}

function columns(tape: Tape, value: Value, from: number, to: number): Value {
  return tape.op('Slice', [value, tape.integers([from]), tape.integers([to]), tape.integers([1]), tape.integers([1])], {})
}
