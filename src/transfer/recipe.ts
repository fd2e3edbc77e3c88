/** @file The stages of a training: which layers learn in each, and how fast. */
import { RootstockError, unknownName } from '../errors.ts'
import { networkOf } from '../applications/index.ts'
import { schedules, type optimizers } from '../training/index.ts'
import { DEFAULTS } from './defaults.ts'

/** 'head' trains a new head; 'fine-tune' goes on with the network's last block, with warm-up and a falling rate. */
export const RECIPES = ['head', 'fine-tune'] as const
/** 'head' trains a new head; 'fine-tune' goes on with the network's last block. */
export type Recipe = (typeof RECIPES)[number]

/** Where the last block of each network begins: what fine-tuning trains unless it is told otherwise. */
const lastBlocks: Readonly<Record<string, string>> = {
  vgg16: 'block5_conv1',
  vgg19: 'block5_conv1',
  resnet50: 'conv5_block1_1_conv',
  // The first layer behind mixed8, as Keras numbers it.
  inceptionV3: 'conv2d_80',
  xception: 'block13_sepconv1',
  mobilenet: 'conv_pw_11',
}

type LearningRate = NonNullable<NonNullable<Parameters<typeof optimizers.adam>[0]>['learningRate']>

/** One `fit`. */
export interface Stage {
  readonly name: 'head' | 'fine-tune' | 'all'
  /** Layers of the network from this one on train too; undefined: none; 'all': every one. */
  readonly from: string | undefined
  readonly learningRate: LearningRate
  /** Whether the rate may be lowered when val_loss stands still; a schedule knows its own way. */
  readonly isReducible: boolean
  /** Factor on the rate from one depth of the network to the one below it; 1 for the same rate everywhere. */
  readonly layerDecay: number
}

/** What the stages follow from. */
export interface RecipeOptions {
  readonly recipe?: Recipe
  readonly unfreezeFrom?: string
  readonly learningRate?: number
  readonly layerDecay?: number
  readonly weights?: string
  readonly epochs?: number
}

/** The head first; then, where layers of a pretrained network train too, all of them at a lower rate. Code USAGE for settings that contradict. */
export function stagesFor(network: string, options: RecipeOptions, stepsPerEpoch: number): readonly Stage[] {
  const { recipe = DEFAULTS.recipe, learningRate, layerDecay = DEFAULTS.layerDecay } = options
  if (!RECIPES.includes(recipe)) throw unknownName('recipe', String(recipe), RECIPES)
  if (!(layerDecay > 0 && layerDecay <= 1))
    throw new RootstockError('USAGE', `Invalid layerDecay: found ${layerDecay}, expected a number above 0, up to 1`)
  const pretrained = options.weights !== 'none'
  if (recipe === 'fine-tune' && !pretrained) {
    throw new RootstockError('USAGE', 'Cannot fine-tune: found random weights (weights none), expected pretrained ones', {
      hint: 'Give weights, or train all layers (unfreezeFrom all) without the recipe',
    })
  }
  const from = options.unfreezeFrom ?? (recipe === 'fine-tune' ? lastBlocks[networkOf(network).id] : undefined)
  const head: Stage = { name: 'head', from: undefined, learningRate: 0.001, isReducible: true, layerDecay: 1 }
  if (from === undefined) return [{ ...head, learningRate: learningRate ?? 0.001 }]
  if (!pretrained) return [{ ...head, name: 'all', from, learningRate: learningRate ?? 0.001 }]
  const rate = learningRate ?? 0.0001
  if (recipe === 'head') return [head, { name: 'fine-tune', from, learningRate: rate, isReducible: true, layerDecay }]
  return [
    head,
    { name: 'fine-tune', from, learningRate: warmed(rate, (options.epochs ?? 10) * stepsPerEpoch), isReducible: false, layerDecay },
  ]
}

/** From 0 to the rate in a tenth of the steps, then along a cosine to nothing. */
function warmed(rate: number, steps: number): LearningRate {
  const warmupSteps = Math.max(1, Math.round(steps / 10))
  return schedules.cosineDecay({ initialLearningRate: 0, warmupTarget: rate, warmupSteps, decaySteps: Math.max(1, steps - warmupSteps) })
}

/** Whether cutmix waits for a later stage: it pastes photos, and a head on a frozen network sees none. */
export function cutmixWaits({ from }: Stage, stages: readonly Stage[]): boolean {
  return from === undefined && stages.some((stage) => stage.from === 'all')
}

/** Refuses cutmix where a stage trains the head alone and no later one sees photos. Code USAGE. */
export function checkMix(stages: readonly Stage[], mix: { readonly name: string } | undefined): void {
  const frozen = stages.find((stage) => stage.from === undefined && !cutmixWaits(stage, stages))
  if (mix?.name !== 'cutmix' || !frozen) return
  throw new RootstockError('USAGE', 'Cannot use cutmix: the photos pass the frozen network once, and features have no rectangles', {
    hint: 'Use mixup, or train every layer (unfreezeFrom all; on the command line --unfreeze-from all)',
  })
}

/** Refuses a factor on the learning rate by depth where no stage trains layers of a pretrained network. Code USAGE. */
export function checkLayerDecay(stages: readonly Stage[], layerDecay: number = DEFAULTS.layerDecay): void {
  if (layerDecay === 1 || stages.some(({ name }) => name === 'fine-tune')) return
  const found = stages.some(({ name }) => name === 'all') ? 'the weights are random (weights none)' : 'only the head trains'
  throw new RootstockError('USAGE', `Cannot use layerDecay: ${found}, expected layers of a pretrained network that train`, {
    hint: 'Give the recipe fine-tune or unfreezeFrom (on the command line --recipe fine-tune, --unfreeze-from), or leave layerDecay out',
  })
}

/** Factors on the learning rate by layer: 1 for the last of `names` (the head), and `decay` times less for each layer with weights before it. */
export function ratesByDepth(names: readonly string[], decay: number): Readonly<Record<string, number>> {
  if (decay === 1) return {}
  return Object.fromEntries(names.map((name, i) => [name, decay ** (names.length - 1 - i)]))
}
