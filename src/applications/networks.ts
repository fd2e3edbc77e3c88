/** @file The six networks, and how they are found by name. */
import { unknownName } from '../errors.ts'
import { inceptionV3 } from './inception-v3.ts'
import { mobilenet } from './mobilenet.ts'
import type { Network } from './network.ts'
import type { ReleasedNetwork } from './releases.ts'
import { resnet50 } from './resnet.ts'
import { vgg16, vgg19 } from './vgg.ts'
import { xception } from './xception.ts'

/** A network's name. */
export type NetworkName = ReleasedNetwork

/** Name → network, each with its default arguments. */
export const networks: Readonly<Record<NetworkName, Network>> = { vgg16, vgg19, resnet50, inceptionV3, xception, mobilenet: mobilenet() }

/** All names. */
export const networkNames = Object.keys(networks) as readonly NetworkName[]

/** The network of that name; Keras's spellings ("InceptionV3", "inception_v3") count too. Throws UNKNOWN_NAME with the nearest names. */
export function networkOf(name: string): Network {
  const wanted = plain(name)
  const found = networkNames.find((candidate) => plain(candidate) === wanted)
  if (!found) throw unknownName('network', name, networkNames)
  return networks[found]
}

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')
