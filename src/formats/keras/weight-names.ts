/** @file What the names of layers and weights in old files mean. */
import type { FileLayer } from './weight-file.ts'

/** Endings of weight names in the files of Keras 1, 2 and 3, and their name today. */
const LEAVES: Readonly<Record<string, string>> = {
  kernel: 'kernel',
  W: 'kernel',
  depthwise_kernel: 'depthwise_kernel',
  pointwise_kernel: 'pointwise_kernel',
  bias: 'bias',
  b: 'bias',
  gamma: 'gamma',
  beta: 'beta',
  moving_mean: 'moving_mean',
  running_mean: 'moving_mean',
  moving_variance: 'moving_variance',
  // Keras 1 called it a deviation and stored the variance.
  running_std: 'moving_variance',
}

const LEAF = new RegExp(`(?:^|[/_])(${Object.keys(LEAVES).sort((a, b) => b.length - a.length).join('|')})(?:_\\d+)?$`, 'u') // prettier-ignore

/** The role of a weight ("kernel", "gamma", …) read from its name or path, or undefined. */
export function leafOf(name: string): string | undefined {
  const match = LEAF.exec(name.replace(/:\d+$/u, ''))
  return match?.[1] === undefined ? undefined : LEAVES[match[1]]
}

/** The layer that a weight's name states: "dense_1" of "dense_1/kernel:0", and of "dense_1_W:0" in Keras 1; '' where it states none. */
export function ownerOf(name: string): string {
  if (name.includes('/')) return name.slice(0, name.lastIndexOf('/'))
  const bare = name.replace(/:\d+$/u, '')
  const match = LEAF.exec(bare)
  return match ? bare.slice(0, match.index) : ''
}

/** Keras's name of a class: "BatchNormalization" is "batch_normalization", "Conv2D" is "conv2d", "ReLU" is "re_lu". */
export function snakeCase(className: string): string {
  return className
    .replace(/\W+/gu, '')
    .replace(/(.)([A-Z][a-z]+)/gu, '$1_$2')
    .replace(/([a-z])([A-Z])/gu, '$1_$2')
    .toLowerCase()
}

/** Keras 3's address of a layer within its model: "conv2d", then "conv2d_1". Counts it. */
export function nextAddress(counts: Map<string, number>, className: string): string {
  const stem = snakeCase(className)
  const count = counts.get(stem) ?? 0
  counts.set(stem, count + 1)
  return count === 0 ? stem : `${stem}_${count}`
}

/** Whether Keras made this name itself ("conv2d", "conv2d_7"): its counter depends on what else was built before. */
export function isAutoName(name: string, className: string): boolean {
  const stem = snakeCase(className)
  return name === stem || (name.startsWith(`${stem}_`) && /^\d+$/u.test(name.slice(stem.length + 1)))
}

/** Hashes (MD5) of the ResNet50 files of fchollet/deep-learning-models v0.2, with and without top. */
export const LEGACY_RESNET50_HASHES: readonly string[] = ['a7b3fe01876f51b976af0dea6bc144eb', 'a268eb855778b3df3c7506639542a6af']

/** Whether the layers are those of the old ResNet50 file, which has the name of today's but other layers in another order. */
export function isLegacyResNet50(layers: readonly FileLayer[]): boolean {
  const names = new Set(layers.map(({ name }) => name))
  return ['conv1', 'bn_conv1', 'res2a_branch2a', 'bn5c_branch2c'].every((name) => names.has(name))
}

/** Today's name of a layer of the old ResNet50: "bn3b_branch2a" is "conv3_block2_1_bn", "res2a_branch1" is "conv2_block1_0_conv". */
export function resNet50Name(legacy: string): string {
  if (legacy === 'conv1') return 'conv1_conv'
  if (legacy === 'bn_conv1') return 'conv1_bn'
  if (legacy === 'fc1000') return 'predictions'
  const match = /^(res|bn)([2-5])([a-f])_branch(?:1|2([abc]))$/u.exec(legacy)
  if (!match) return legacy
  const [, kind, stage, block = '', branch] = match
  const part = branch === undefined ? 0 : branch.charCodeAt(0) - 96
  return `conv${stage}_block${block.charCodeAt(0) - 96}_${part}_${kind === 'bn' ? 'bn' : 'conv'}`
}
