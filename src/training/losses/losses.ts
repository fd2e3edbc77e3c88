/** @file Losses as operators: from targets and predictions [n, classes] to one number per sample. Formulas as in Keras. */
import { RootstockError, unknownName, refuseUnknown } from '../../errors.ts'
import { steps, type Tape, type Value } from '../../graph/index.ts'

const { add, mul, neg, sub, sumOver, scale } = steps

/** What a loss sees. Targets are one-hot rows, or the numbers themselves for binary losses. */
export interface LossInputs {
  /** Where the nodes are recorded. */
  readonly tape: Tape
  /** [n, outputs] */
  readonly targets: Value
  /** The model's output. */
  readonly predictions: Value
  /** What the model's last softmax or sigmoid was applied to, when there is one: more exact than its output. */
  readonly logits: Value | undefined
}

/** How labels arrive: one-hot rows, class numbers, or numbers between 0 and 1. */
export type TargetForm = 'categorical' | 'sparse' | 'binary'

/** From targets and predictions to one number for each sample, as nodes of a graph. */
export interface Loss {
  /** Keras's name. */
  readonly name: string
  /** The form of labels that it takes. */
  readonly targets: TargetForm
  /** One number per sample, [n]. */
  readonly perSample: (inputs: LossInputs) => Value
  /** Everything that made it, defaults included; model files hold it. Losses without it are left out of them. */
  readonly config?: Readonly<Record<string, number | boolean>>
}

/** What the cross-entropies take. */
export interface CrossentropyOptions {
  /** The model's output is not yet probabilities; of no effect behind a last softmax or sigmoid, whose logits are known. Default false. */
  readonly fromLogits?: boolean
  /** 0 … 1: takes this much from the true class and spreads it over all. Default 0. */
  readonly labelSmoothing?: number
}
/** What the focal cross-entropies take. */
export interface FocalOptions extends CrossentropyOptions {
  /** Weight of the loss. Default 0.25. */
  readonly alpha?: number
  /** How much easy samples count less. Default 2. */
  readonly gamma?: number
}

const CROSSENTROPY: Readonly<Record<keyof CrossentropyOptions, true>> = { fromLogits: true, labelSmoothing: true }
const FOCAL: Readonly<Record<keyof FocalOptions, true>> = { ...CROSSENTROPY, alpha: true, gamma: true }

/** Keras's epsilon: probabilities are kept this far from 0 and 1. */
const epsilon = 1e-7

/** −Σ t·log p, p normalized to sum one. */
export function categoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  refuseUnknown('categoricalCrossentropy', options, CROSSENTROPY)
  const settings = checked(options)
  return {
    name: 'categorical_crossentropy',
    targets: 'categorical',
    perSample: (inputs) => crossentropy(inputs, settings, (tape, p) => tape.op('Log', [clippedProbabilities(tape, p)], {})),
    config: settings,
  }
}

/** The same from class numbers. */
export function sparseCategoricalCrossentropy(options: Pick<CrossentropyOptions, 'fromLogits'> = {}): Loss {
  refuseUnknown('sparseCategoricalCrossentropy', options, { fromLogits: true })
  const settings = checked(options)
  return {
    name: 'sparse_categorical_crossentropy',
    targets: 'sparse',
    // Here Keras cuts before it divides by the sum, and takes the logarithms as logits.
    perSample: (inputs) => crossentropy(inputs, settings, (tape, p) => logSoftmax(tape, tape.op('Log', [clipped(tape, p)], {}))),
    config: { fromLogits: settings.fromLogits },
  }
}

/** Mean over the outputs of −t·log p − (1 − t)·log(1 − p). */
export function binaryCrossentropy(options: CrossentropyOptions = {}): Loss {
  refuseUnknown('binaryCrossentropy', options, CROSSENTROPY)
  const { fromLogits, labelSmoothing } = checked(options)
  return {
    name: 'binary_crossentropy',
    targets: 'binary',
    config: { fromLogits, labelSmoothing },
    perSample({ tape, targets, predictions, logits }) {
      // Smoothing pulls both targets towards one half.
      const t = labelSmoothing === 0 ? targets : add(tape, scale(tape, targets, 1 - labelSmoothing), tape.number(labelSmoothing / 2))
      const x = logits ?? (fromLogits ? predictions : undefined)
      return meanOfRows(tape, x ? binaryTermsOfLogits(tape, t, x) : binaryTerms(tape, t, predictions))
    },
  }
}

/** −α·Σ (1 − p)^γ·t·log p (Lin et al., 2017): well classified samples count less. */
export function categoricalFocalCrossentropy(options: FocalOptions = {}): Loss {
  refuseUnknown('categoricalFocalCrossentropy', options, FOCAL)
  const { fromLogits, labelSmoothing } = checked(options)
  const { alpha = 0.25, gamma = 2 } = options
  for (const [name, value] of Object.entries({ alpha, gamma })) {
    if (!Number.isFinite(value)) throw new RootstockError('USAGE', `Invalid ${name}: found ${JSON.stringify(value)}, expected a number`)
  }
  return {
    name: 'categorical_focal_crossentropy',
    targets: 'categorical',
    config: { alpha, gamma, fromLogits, labelSmoothing },
    perSample({ tape, targets, predictions }) {
      const p = fromLogits ? tape.op('Softmax', [predictions], { axis: 1 }) : predictions
      const clipped = clippedProbabilities(tape, p)
      const focus = tape.op('Pow', [sub(tape, tape.number(1), clipped), tape.number(gamma)], {})
      const each = mul(tape, focus, mul(tape, smoothed(tape, targets, labelSmoothing), tape.op('Log', [clipped], {})))
      return scale(tape, sumOver(tape, each, [1]), -alpha)
    },
  }
}

/** Mean of (t − p)² over the outputs. */
export function meanSquaredError(): Loss {
  return {
    name: 'mean_squared_error',
    targets: 'binary',
    config: {},
    perSample({ tape, targets, predictions }) {
      const difference = sub(tape, targets, predictions)
      return meanOfRows(tape, mul(tape, difference, difference))
    },
  }
}

const rows: Readonly<Record<string, () => Loss>> = {
  categoricalCrossentropy,
  sparseCategoricalCrossentropy,
  binaryCrossentropy,
  categoricalFocalCrossentropy,
  meanSquaredError,
  mse: meanSquaredError,
}

/** All names of losses. */
export const lossNames: readonly string[] = Object.keys(rows)

/** A loss by name, in camelCase or Keras's snake case, or the loss itself. */
export function resolveLoss(loss: string | Loss): Loss {
  if (typeof loss !== 'string') return loss
  const plain = (name: string): string => name.replaceAll('_', '').toLowerCase()
  const found = lossNames.find((name) => plain(name) === plain(loss))
  const make = found === undefined ? undefined : rows[found]
  if (!make) throw unknownName('loss', loss, lossNames)
  return make()
}

function checked({ fromLogits = false, labelSmoothing = 0 }: CrossentropyOptions): { fromLogits: boolean; labelSmoothing: number } {
  if (labelSmoothing >= 0 && labelSmoothing <= 1) return { fromLogits, labelSmoothing }
  throw new RootstockError('USAGE', `Invalid labelSmoothing: found ${labelSmoothing}, expected 0 to 1`)
}

function crossentropy(
  { tape, targets, predictions, logits }: LossInputs,
  { fromLogits, labelSmoothing }: { fromLogits: boolean; labelSmoothing: number },
  logOf: (tape: Tape, p: Value) => Value,
): Value {
  const x = logits ?? (fromLogits ? predictions : undefined)
  const log = x ? logSoftmax(tape, x) : logOf(tape, predictions)
  return neg(tape, sumOver(tape, mul(tape, smoothed(tape, targets, labelSmoothing), log), [1]))
}

function logSoftmax(tape: Tape, x: Value): Value {
  return tape.op('LogSoftmax', [x], { axis: 1 })
}

/** p / Σp, kept away from 0 and 1. */
function clippedProbabilities(tape: Tape, p: Value): Value {
  return clipped(tape, tape.op('Div', [p, sumOver(tape, p, [1], 1)], {}))
}

function clipped(tape: Tape, p: Value): Value {
  return tape.op('Clip', [p, tape.number(epsilon), tape.number(1 - epsilon)], {})
}

// t·(1 − s) + s/classes
function smoothed(tape: Tape, targets: Value, by: number): Value {
  return by === 0 ? targets : add(tape, scale(tape, targets, 1 - by), tape.number(by / (targets.shape[1] ?? 1)))
}

function binaryTerms(tape: Tape, t: Value, p: Value): Value {
  const one = tape.number(1)
  const q = clipped(tape, p)
  const yes = mul(tape, t, tape.op('Log', [q], {}))
  const no = mul(tape, sub(tape, one, t), tape.op('Log', [sub(tape, one, q)], {}))
  return neg(tape, add(tape, yes, no))
}

/** t·log(1 + e⁻ˣ) + (1 − t)·log(1 + eˣ): neither overflows nor needs clipping. log(1 + eˣ) − t·x would lose the digits of small losses. */
function binaryTermsOfLogits(tape: Tape, t: Value, x: Value): Value {
  const yes = mul(tape, t, tape.op('Softplus', [neg(tape, x)], {}))
  const no = mul(tape, sub(tape, tape.number(1), t), tape.op('Softplus', [x], {}))
  return add(tape, yes, no)
}

function meanOfRows(tape: Tape, value: Value): Value {
  return steps.meanOver(tape, value, [1])
}
