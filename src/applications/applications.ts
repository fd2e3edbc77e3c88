/** @file The functions of keras.applications: one for each network, and one for a network by name. */
import { RootstockError, refuseUnknown } from '../errors.ts'
import type { Tensor } from '../tensor/index.ts'
import { preprocess } from '../image/index.ts'
import type { Model } from '../training/index.ts'
import { buildApplication, type ApplicationOptions } from './application.ts'
import { embeddedNetwork } from './embedded.ts'
import { mobilenet as mobilenetOf, type MobileNetArguments } from './mobilenet.ts'
import { networkOf, networks, type NetworkName } from './networks.ts'

/** The arguments of `mobilenet`. With embedded weights, alpha is that of the file by default. */
export type MobileNetOptions = ApplicationOptions & MobileNetArguments

/** VGG16, 138 million parameters, 224×224 pixels. Throws as `application` does. */
export function vgg16(options: ApplicationOptions = {}): Promise<Model> {
  return application('vgg16', options)
}

/** VGG19, 144 million parameters, 224×224 pixels. Throws as `application` does. */
export function vgg19(options: ApplicationOptions = {}): Promise<Model> {
  return application('vgg19', options)
}

/** ResNet50, 26 million parameters, 224×224 pixels. Throws as `application` does. */
export function resnet50(options: ApplicationOptions = {}): Promise<Model> {
  return application('resnet50', options)
}

/** InceptionV3, 24 million parameters, 299×299 pixels. Throws as `application` does. */
export function inceptionV3(options: ApplicationOptions = {}): Promise<Model> {
  return application('inceptionV3', options)
}

/** Xception, 23 million parameters, 299×299 pixels. Throws as `application` does. */
export function xception(options: ApplicationOptions = {}): Promise<Model> {
  return application('xception', options)
}

/** MobileNet, 0.5 to 4 million parameters by `alpha`, 224×224 pixels. Throws as `application` does. */
export function mobilenet(options: MobileNetOptions = {}): Promise<Model> {
  return application('mobilenet', options)
}

const OPTIONS: Readonly<Record<keyof MobileNetOptions, true>> = {
  includeTop: true,
  weights: true,
  inputTensor: true,
  inputShape: true,
  pooling: true,
  classes: true,
  classifierActivation: true,
  name: true,
  onWarning: true,
  signal: true,
  onProgress: true,
  alpha: true,
  depthMultiplier: true,
  dropout: true,
}

/**
 * The network of that name. Throws UNKNOWN_NAME for another name, USAGE for arguments that break Keras's rules, and with weights
 * FILE, NETWORK, WEIGHTS or CANCELED when they cannot be had or do not fit.
 *
 * @example
 * const net = await application('mobilenet', { alpha: 0.25, includeTop: false, pooling: 'avg' })
 */
export async function application(name: NetworkName | (string & {}), options: MobileNetOptions = {}): Promise<Model> {
  const { alpha, depthMultiplier, dropout, ...shared } = options
  const found = networkOf(name)
  refuseUnknown(found.id, options, OPTIONS)
  const own = Object.entries({ alpha, depthMultiplier, dropout }).filter(([, value]) => value !== undefined)
  if (found === networks.mobilenet) {
    const width = options.weights === 'embedded' ? { alpha: embeddedNetwork.alpha } : {}
    return buildApplication(mobilenetOf({ ...width, ...Object.fromEntries(own) }), shared)
  }
  if (own[0]) {
    throw new RootstockError('USAGE', `Invalid argument ${own[0][0]} of ${found.id}: found ${own[0][1]}, expected none`, {
      hint: 'Only mobilenet has it',
    })
  }
  return buildApplication(found, shared)
}

/** What a network expects, from values 0 to 255, red first: a new tensor. Throws UNKNOWN_NAME, and SHAPE unless the last axis has 3 channels. */
export function preprocessInput(network: NetworkName | (string & {}), x: Tensor<'float32'>): Tensor<'float32'> {
  return preprocess(x, networkOf(network).preprocessing)
}
