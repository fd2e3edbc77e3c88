/** @file Keras's rules for the arguments of a network: defaults filled in, contradictions refused, oddities warned of. */
import { existsSync } from 'node:fs'
import { nearestNames, RootstockError, shownValue, unknownName } from '../errors.ts'
import { sameShape, showShape, type Dim } from '../tensor/index.ts'
import type { ApplicationOptions } from './application.ts'
import { checkEmbedded, embeddedNetwork } from './embedded.ts'
import type { Network } from './network.ts'

/** Arguments that fit together. */
export interface Chosen {
  readonly includeTop: boolean
  readonly weights: string | null
  readonly classes: number
  readonly classifierActivation: string | null
  readonly pooling: 'avg' | 'max' | null
  /** Height, width, channels of the input. */
  readonly shape: readonly Dim[]
  /** The height that names the model; with ImageNet weights the one that they were made for. */
  readonly rows: number | null
}

/** Fills in the defaults. Throws USAGE for what Keras refuses, and FILE when `weights` is a path at which nothing lies. */
export function chooseApplication(network: Network, options: ApplicationOptions): Chosen {
  const { includeTop = true, weights = 'imagenet', classes = 1000, classifierActivation = 'softmax', pooling = null } = options
  const chosen = { includeTop, weights, classes, classifierActivation, pooling }
  checkValues(network, chosen)
  if (weights === 'embedded') checkEmbedded(network, chosen)
  if (includeTop) checkTop(network, chosen)
  const warn = options.onWarning ?? warnOnStderr
  const shape = inputShape(network, options, { ...chosen, warn })
  if (weights !== 'imagenet') return { ...chosen, shape, rows: shape[0] ?? null }
  network.checkReleased?.()
  return { ...chosen, shape, rows: releasedRows(network, shape, warn) }
}

/**
 * Refuses a word that is no file but nearly one of `names`: 'imagenett' is not meant as a path. Throws UNKNOWN_NAME; USAGE for what is no word, such as
 * the null of JavaScript where random weights are called 'none'.
 */
export function refuseWeightsTypo(weights: string, names: readonly string[]): void {
  if (typeof (weights as unknown) !== 'string') {
    const known = names.map((name) => `"${name}"`).join(', ')
    throw new RootstockError('USAGE', `Invalid weights: found ${shownValue(weights)}, expected ${known} or the path of a weight file`, {
      hint: `For random weights give ${names.includes('none') ? '"none"' : 'null'}`,
    })
  }
  if (names.includes(weights) || /[/\\.]/.test(weights) || nearestNames(weights, names).length === 0 || existsSync(weights)) return
  throw unknownName('weights', weights, names)
}

type Values = Omit<Chosen, 'shape' | 'rows'>

function checkValues({ id }: Network, { pooling, classes, weights }: Values): void {
  if (pooling !== null && pooling !== 'avg' && pooling !== 'max') {
    throw new RootstockError('USAGE', `Invalid pooling of ${id}: found ${JSON.stringify(pooling)}, expected null, "avg" or "max"`)
  }
  if (!Number.isInteger(classes) || classes < 1) {
    throw new RootstockError('USAGE', `Invalid classes of ${id}: found ${classes}, expected a whole number of at least 1`)
  }
  if (weights !== null) refuseWeightsTypo(weights, ['imagenet', 'embedded'])
  if (weights !== null && weights !== 'imagenet' && weights !== 'embedded' && !existsSync(weights)) {
    throw new RootstockError('FILE', `Cannot load weights into ${id}: there is no file "${weights}"`, {
      hint: 'Give "imagenet", "embedded", null for random weights, or the path of a weight file',
    })
  }
}

function checkTop({ id }: Network, { weights, classes, classifierActivation }: Values): void {
  if (weights === 'imagenet' && classes !== 1000) {
    const found = `found classes ${classes}, expected 1000 with the top included`
    throw new RootstockError('USAGE', `Cannot load ImageNet weights into ${id}: ${found}`, {
      hint: 'Leave the top out (includeTop: false) and add your own, or take weights: null',
    })
  }
  if (weights !== null && classifierActivation !== null && !['softmax', 'linear'].includes(classifierActivation)) {
    const found = `found "${classifierActivation}", expected "softmax" or null with a pretrained top`
    throw new RootstockError('USAGE', `Invalid classifierActivation of ${id}: ${found}`)
  }
}

interface ShapeRules extends Pick<Chosen, 'includeTop' | 'weights'> {
  readonly warn: (message: string) => void
}

function inputShape(network: Network, options: ApplicationOptions, { includeTop, weights, warn }: ShapeRules): readonly Dim[] {
  const { id } = network
  const given = options.inputShape ?? options.inputTensor?.shape.slice(1)
  if (given && given.length !== 3) {
    throw new RootstockError('USAGE', `Invalid inputShape of ${id}: found ${showShape(given)}, expected [height, width, channels]`)
  }
  const [height, width, channels = 3] = given ?? []
  const size = height != null && height === width && network.otherSizes?.includes(height) ? height : network.defaultSize
  if (weights === 'imagenet' && includeTop) {
    const standard = [size, size, 3]
    if (!given || sameShape(given, standard)) return standard
    const found = `found ${showShape(given)}, expected ${showShape(standard)} with ImageNet weights and the top included`
    throw new RootstockError('USAGE', `Invalid inputShape of ${id}: ${found}`, {
      hint: 'Leave the top out (includeTop: false; on the command line --no-top) to choose another size',
    })
  }
  if (!given) return defaultShape(size, { includeTop, weights })
  checkShape(network, given, { includeTop, weights, warn })
  if (weights !== 'imagenet' && channels !== 1 && channels !== 3) warn(`${id} usually takes 1 or 3 channels, inputShape has ${channels}`)
  return given
}

function defaultShape(size: number, { includeTop, weights }: Pick<Chosen, 'includeTop' | 'weights'>): readonly Dim[] {
  if (includeTop) return [size, size, 3]
  return weights === 'embedded' ? [embeddedNetwork.size, embeddedNetwork.size, 3] : [null, null, 3]
}

function checkShape({ id, leastSize }: Network, given: readonly Dim[], { includeTop, weights }: ShapeRules): void {
  const refuse = (expected: string): never => {
    throw new RootstockError('USAGE', `Invalid inputShape of ${id}: found ${showShape(given)}, expected ${expected}`)
  }
  const [height, width, channels] = given
  const isWhole = (size: Dim | undefined, least: number): boolean => size != null && Number.isInteger(size) && size >= least
  if (weights === 'imagenet' && channels !== 3) refuse('3 channels with ImageNet weights')
  if (!isWhole(channels, 1)) refuse('a known number of channels')
  if ([height, width].some((size) => size !== null && !isWhole(size, leastSize))) {
    refuse(`a height and width of at least ${leastSize} pixels`)
  }
  if (includeTop && (height === null || width === null)) refuse('a known height and width with the top included')
}

/** Several sizes of one network have weights of their own; all others take those of the default size. */
function releasedRows({ id, defaultSize, otherSizes }: Network, [height, width]: readonly Dim[], warn: (message: string) => void): Dim {
  if (!otherSizes) return height ?? null
  const sizes = [...otherSizes, defaultSize]
  if (height != null && height === width && sizes.includes(height)) return height
  const found = height == null ? 'without a known size' : `of ${height}×${width ?? 'any width'}`
  warn(`${id} ${found} takes the ImageNet weights made for ${defaultSize}×${defaultSize}: they exist for ${sizes.join(', ')}`)
  return defaultSize
}

function warnOnStderr(message: string): void {
  process.stderr.write(`Warning: ${message}\n`)
}
