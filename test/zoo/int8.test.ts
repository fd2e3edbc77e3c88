/** @file Each network in 8 bits: every convolution becomes an 8-bit kernel, and the features agree with float32. Weights are random. */
import { beforeAll, describe, expect, it } from 'vitest'
import { application, networkNames, type NetworkName } from '../../src/applications/index.ts'
import { producers, verify, type Graph, type Node } from '../../src/graph/index.ts'
import { clearSession, setRandomSeed } from '../../src/layers/index.ts'
import { lower } from '../../src/models/index.ts'
import { random, tensor, type Tensor } from '../../src/tensor/index.ts'
import { makeByteTrunk } from '../../src/training/int8/make-byte-trunk.ts'

/** Small, for speed; the networks' own least size or a little more. */
const sizes: Record<NetworkName, number> = { vgg16: 64, vgg19: 64, resnet50: 64, inceptionV3: 107, xception: 107, mobilenet: 96 }

/** Operators that may stand in float32: behind the last 8-bit value. */
const between = new Set(['Conv', 'Add', 'Concat', 'MaxPool', 'AveragePool'])

function noise(count: number, size: number): Tensor<'float32'>[] {
  const rng = random('int8 zoo')
  const photo = (): Float32Array => Float32Array.from({ length: size * size * 3 }, () => 2 * rng.uniform() - 1)
  return Array.from({ length: count }, () => tensor(photo(), [1, size, size, 3]))
}

/** Nodes that the engine cannot fuse: their inputs do not all come out of 8 bits, or their output does not go into them. */
function unfused(graph: Graph): Node[] {
  const made = producers(graph)
  return graph.nodes.filter(({ op, inputs, outputs }) => {
    if (!between.has(op)) return false
    const isFed = inputs.every((value) => value && made.get(value)?.op === 'DequantizeLinear')
    const isRead = graph.nodes.some((node) => node.op === 'QuantizeLinear' && node.inputs[0] === outputs[0])
    return !isFed || !isRead
  })
}

describe.each(networkNames)('%s', (name) => {
  beforeAll(() => {
    clearSession()
    setRandomSeed(3)
  })

  it('computes in 8 bits from the first convolution to the last', { timeout: 120_000 }, async () => {
    const size = sizes[name]
    const net = await application(name, { weights: null, includeTop: false, pooling: 'avg', inputShape: [size, size, 3] })
    const lowered = lower(net, { training: false })
    const photos = noise(5, size)
    const trunk = await makeByteTrunk(lowered.tape.graph(lowered.outputs), { calibration: photos.slice(0, 3), comparison: photos.slice(3) })
    verify(trunk.graph)
    expect(unfused(trunk.graph)).toEqual([])
    expect(trunk.graph.nodes.filter(({ op }) => op === 'BatchNormalization' || op === 'Pad' || op === 'Relu' || op === 'Clip')).toEqual([])
    expect(trunk.agreement).toMatchObject({ firstLayer: 'int8' })
    expect(trunk.agreement.cosine.min).toBeGreaterThan(0.995)
    await net.dispose()
  })
})
