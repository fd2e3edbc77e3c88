/** @file Every weight file that Keras released for the six networks: its name, where it lies, what it hashes to. */
import { RootstockError, unknownName } from '../errors.ts'

/** One released weight file. */
export interface Release {
  /** The network that it belongs to. */
  readonly network: ReleasedNetwork
  /** Whether the file holds the 1,000-class top. */
  readonly includeTop: boolean
  /** Name in the cache folder, the same as Keras's, so that both share it. */
  readonly file: string
  /** Folder and name below the base of a mirror: "vgg16/vgg16_weights_….h5". */
  readonly path: string
  /** Official addresses, the first one first. */
  readonly urls: readonly string[]
  /** MD5 that Keras checks; MobileNet's files have none. */
  readonly md5: string | undefined
  /** MD5 of the older file of the same name: other layer names in another order (ResNet50 only). */
  readonly legacyMd5: string | undefined
  /** A body beyond this many bytes is not this file. */
  readonly maxBytes: number
}

/** Which file of a network is wanted. */
export interface ReleaseChoice {
  /** With the 1,000-class top or without. */
  readonly includeTop: boolean
  /** MobileNet's width: 0.25, 0.5, 0.75 or 1, the default. */
  readonly alpha?: number | undefined
  /** MobileNet's input size: 128, 160, 192 or 224, the default. */
  readonly rows?: number | undefined
}

interface NetworkFiles {
  readonly folder: string
  /** Tag of the release at the older host. */
  readonly tag: string
  readonly megabytes: number
  readonly md5: Hashes
  readonly legacy?: Hashes
}

interface Hashes {
  readonly top: string | undefined
  readonly noTop: string | undefined
}

/** Hosts that a download of a release may touch; GitHub sends release files on to the last two. */
export const releaseHosts: readonly string[] = [
  'storage.googleapis.com',
  'github.com',
  'objects.githubusercontent.com',
  'release-assets.githubusercontent.com',
]

const primary = 'https://storage.googleapis.com/tensorflow/keras-applications'
const olderHost = 'https://github.com/fchollet/deep-learning-models/releases/download'

const networks = {
  vgg16: {
    folder: 'vgg16',
    tag: 'v0.1',
    megabytes: 600,
    md5: { top: '64373286793e3c8b2b4e3219cbf3544b', noTop: '6d6bbae143d832006294945121d1f1fc' },
  },
  vgg19: {
    folder: 'vgg19',
    tag: 'v0.1',
    megabytes: 600,
    md5: { top: 'cbe5617147190e668d6c5d5026f83318', noTop: '253f8cb515780f3b799900260a226db6' },
  },
  resnet50: {
    folder: 'resnet',
    tag: 'v0.2',
    megabytes: 120,
    md5: { top: '2cb95161c43110f7111970584f804107', noTop: '4d473c1dd8becc155b73f8504c6f6626' },
    legacy: { top: 'a7b3fe01876f51b976af0dea6bc144eb', noTop: 'a268eb855778b3df3c7506639542a6af' },
  },
  inceptionV3: {
    folder: 'inception_v3',
    tag: 'v0.5',
    megabytes: 120,
    md5: { top: '9a0d58056eeedaa3f26cb7ebd46da564', noTop: 'bcbd6486424b2319ff4ef7d526e38f63' },
  },
  xception: {
    folder: 'xception',
    tag: 'v0.4',
    megabytes: 120,
    md5: { top: '0a58e3b7378bc2990ea3b43d5981f1f6', noTop: 'b0042744bf5b25fce3cb969f33bebb97' },
  },
  mobilenet: { folder: 'mobilenet', tag: 'v0.6', megabytes: 32, md5: { top: undefined, noTop: undefined } },
} as const satisfies Record<string, NetworkFiles>

/** Networks whose ImageNet weights Keras released. */
export type ReleasedNetwork = keyof typeof networks

const mobilenetAlphas: ReadonlyMap<number, string> = new Map([
  [0.25, '2_5'],
  [0.5, '5_0'],
  [0.75, '7_5'],
  [1, '1_0'],
])
const mobilenetRows: readonly number[] = [128, 160, 192, 224]

/** The released file of a network; throws UNKNOWN_NAME for another network and USAGE for a width or size that was never released. */
export function releaseOf(network: ReleasedNetwork, choice: ReleaseChoice): Release {
  if (!Object.hasOwn(networks, network)) throw unknownName('network', String(network), Object.keys(networks))
  const { folder, tag, megabytes, md5, legacy }: NetworkFiles = networks[network]
  const { includeTop } = choice
  const file = network === 'mobilenet' ? mobilenetFile(choice) : `${networkFile(network)}${includeTop ? '' : '_notop'}.h5`
  const kind = includeTop ? 'top' : 'noTop'
  return {
    network,
    includeTop,
    file,
    path: `${folder}/${file}`,
    urls: [`${primary}/${folder}/${file}`, `${olderHost}/${tag}/${file}`],
    md5: md5[kind],
    legacyMd5: legacy?.[kind],
    maxBytes: megabytes * 1e6,
  }
}

/** Every released file: ten of the five fixed networks and 32 of MobileNet. */
export function allReleases(): Release[] {
  return (Object.keys(networks) as ReleasedNetwork[]).flatMap((network) =>
    [true, false].flatMap((includeTop) =>
      network === 'mobilenet'
        ? [...mobilenetAlphas.keys()].flatMap((alpha) => mobilenetRows.map((rows) => releaseOf(network, { includeTop, alpha, rows })))
        : [releaseOf(network, { includeTop })],
    ),
  )
}

function networkFile(network: Exclude<ReleasedNetwork, 'mobilenet'>): string {
  return `${network === 'inceptionV3' ? 'inception_v3' : network}_weights_tf_dim_ordering_tf_kernels`
}

function mobilenetFile({ includeTop, alpha = 1, rows = 224 }: ReleaseChoice): string {
  const width = mobilenetAlphas.get(alpha)
  if (width === undefined || !mobilenetRows.includes(rows)) {
    const valid = `alpha ${[...mobilenetAlphas.keys()].join(', ')} and ${mobilenetRows.join(', ')} rows`
    throw new RootstockError('USAGE', `Cannot find mobilenet weights: alpha is ${alpha} with ${rows} rows, released were ${valid}`, {
      hint: 'Use one of these, or give your own weight file.',
    })
  }
  return `mobilenet_${width}_${rows}_tf${includeTop ? '' : '_no_top'}.h5`
}
