/** @file The plan of the training: sizes, mixtures of material, and the learning rate. */
import type { SourceRow } from './folders.ts'

/** A part of the training with pictures of one size. */
export interface Stage {
  /** In each round the learning rate rises and falls once. */
  readonly round: number
  /** The student's input in pixels. */
  readonly size: number
  readonly steps: number
  /** What a batch is drawn from. */
  readonly mixture: readonly { readonly name: SourceRow['name']; readonly share: number }[]
  /** The student is told the kinds of the flowers too. */
  readonly tellsKinds?: boolean
  /** The early layers stay as they are. */
  readonly lateLayersOnly?: boolean
  /** How much the true classes count in the loss. Default ½. */
  readonly classShare?: number
}

/**
 * Everything that is done, in order. The released MobileNet 0.25 itself, asked at 96 px, has features worth 83.8 % on cats and dogs and
 * 66.0 % on flowers, so that a student of its width has no room above the 80 % and 65 % that are wanted: this one is twice as wide.
 */
export const stages: readonly Stage[] = [
  { round: 0, size: 64, steps: 3000, mixture: mixture(0.8, 0.1, 0.1) },
  { round: 0, size: 96, steps: 6000, mixture: mixture(0.35, 0.4, 0.25) },
  { round: 1, size: 96, steps: 6000, mixture: mixture(0.3, 0.45, 0.25) },
  { round: 2, size: 128, steps: 2500, mixture: mixture(0.1, 0.45, 0.45) },
  { round: 3, size: 128, steps: 3000, mixture: mixture(0.15, 0.4, 0.45), tellsKinds: true, lateLayersOnly: true },
  { round: 4, size: 128, steps: 5000, mixture: mixture(0.25, 0.3, 0.45), tellsKinds: true, lateLayersOnly: true, classShare: 1 },
]

/** Highest learning rate of each round, and the last part of its steps in which the rate falls in a straight line. */
const rounds: readonly { readonly peak: number; readonly fall: number }[] = [
  { peak: 3e-3, fall: 0.6 },
  { peak: 2e-3, fall: 0.9 },
  { peak: 1e-3, fall: 0.9 },
  { peak: 1e-3, fall: 0.9 },
  { peak: 1e-3, fall: 0.9 },
]
const WARMUP = 300

/** The steps that one run makes: from the beginning of a round on, as long as the same layers learn from the same loss. */
export function stepsOfRun(round: number): { readonly first: number; readonly end: number } {
  const count = (wanted: (stage: Stage) => boolean): number => stages.filter(wanted).reduce((sum, { steps }) => sum + steps, 0)
  const own = stages.find((stage) => stage.round === round)
  if (!own) throw new Error(`There is no round ${round}: expected a whole number from 0 to ${stages.at(-1)?.round}`)
  const isAlike = (stage: Stage): boolean => stage.lateLayersOnly === own.lateLayersOnly && stage.classShare === own.classShare
  const next = stages.find((stage) => stage.round > round && !isAlike(stage))?.round ?? Infinity
  return { first: count((stage) => stage.round < round), end: count((stage) => stage.round < next) }
}

/** The stage that a step (from 0) belongs to. */
export function stageAt(step: number): Stage {
  let before = 0
  const found = stages.find((stage) => step < (before += stage.steps)) ?? stages.at(-1)
  if (!found) throw new Error('There is no stage')
  return found
}

/** The learning rate: in each round a short rise, level, then down to nothing. */
export function rateAt(step: number): number {
  const { round } = stageAt(step)
  const stepsOf = (wanted: (stage: Stage) => boolean): number => stages.filter(wanted).reduce((sum, { steps }) => sum + steps, 0)
  const own = stepsOf((stage) => stage.round === round)
  const at = step - stepsOf((stage) => stage.round < round)
  const { peak, fall } = rounds[round] ?? { peak: 0, fall: 1 }
  return peak * Math.min(1, (at + 1) / WARMUP) * Math.max(0, Math.min(1, (own - at) / (own * fall)))
}

function mixture(small: number, thousand: number, flowers: number): Stage['mixture'] {
  return [
    { name: 'small', share: small },
    { name: 'thousand', share: thousand },
    { name: 'flowers', share: flowers },
  ]
}
