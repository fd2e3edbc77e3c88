/** @file Names of networks and weights that shells and editors offer, apart from the library, which help must not load. */
import type { NetworkName } from '../applications/index.ts'

export const NETWORKS = ['vgg16', 'vgg19', 'resnet50', 'inceptionV3', 'xception', 'mobilenet'] as const satisfies readonly NetworkName[]

/** What stands for weights beside a path. */
export const WEIGHTS = ['imagenet', 'embedded', 'none'] as const
/** The same for networks with their thousand classes, which the embedded one does not have. */
export const TOP_WEIGHTS = ['imagenet', 'none'] as const
