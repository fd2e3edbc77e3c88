/** @file Programs whose runs go on side by side in threads of their own. */
import { expect, it } from 'vitest'
import { createTape, type Graph } from '../graph/index.ts'
import { rows, tensor, type Tensor } from '../tensor/index.ts'
import { engine } from './index.ts'
import { openLanes } from './lanes.ts'

const graph = twoOutputs()

/** A convolution, and its ReLU. */
function twoOutputs(): Graph {
  const tape = createTape()
  const x = tape.input('x', { shape: [null, 3, 8, 8], dtype: 'float32' })
  const kernel = tape.constant(tensor(numbers(5 * 3 * 3 * 3), [5, 3, 3, 3]))
  const strides = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 } as const
  const convolved = tape.op('Conv', [x, kernel], strides)
  return tape.graph([convolved, tape.op('Relu', [convolved], {})])
}

function numbers(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i * 7.3))
}

const photos = tensor(numbers(9 * 3 * 8 * 8), [9, 3, 8, 8])
const batches = [rows(photos, 0, 2), rows(photos, 2, 5), rows(photos, 5, 6), rows(photos, 6, 9)]
const shared = (photo: Tensor<'float32'>): Tensor<'float32'> => {
  const data = new Float32Array(new SharedArrayBuffer(photo.data.byteLength))
  data.set(photo.data)
  return { ...photo, data }
}

it.each([
  ['memory of its own', (batch: Tensor<'float32'>) => batch],
  ['shared memory', shared],
])('lanes give the numbers of one session, fed from %s', async (_, fed) => {
  const one = await engine('cpu').compile(graph)
  const lanes = await engine('cpu').compile(graph, { lanes: 2, threads: 2 })
  const found = await Promise.all(batches.map((batch) => lanes.run(new Map([[graph.inputs[0]!, fed(batch)]]))))
  for (const [i, batch] of batches.entries()) {
    const wanted = await one.run(new Map([[graph.inputs[0]!, batch]]))
    for (const output of graph.outputs) expect(found[i]?.get(output)).toEqual(wanted.get(output))
  }
  await lanes.dispose()
  await lanes.dispose()
  await expect(lanes.run(new Map([[graph.inputs[0]!, batches[0]!]]))).rejects.toMatchObject({ code: 'ENGINE' })
  await one.dispose()
})

it('a run that fails leaves its lane as it was', async () => {
  const lanes = await engine('cpu').compile(graph, { lanes: 2, threads: 1 })
  const wrong = tensor(new Float32Array(8), [2, 4])
  const [failed, done] = await Promise.allSettled([wrong, batches[0]!].map((x) => lanes.run(new Map([[graph.inputs[0]!, x]]))))
  expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'ENGINE' } })
  expect(done?.status).toBe('fulfilled')
  await expect(lanes.run(new Map([[graph.inputs[0]!, batches[1]!]]))).resolves.toBeDefined()
  await lanes.dispose()
})

it('a model that cannot be opened is refused as by one session', async () => {
  const opened = openLanes({ bytes: Uint8Array.of(1, 2, 3), external: [] }, { count: 2, options: { threads: 1 } })
  await expect(opened).rejects.toMatchObject({ code: 'ENGINE', message: expect.stringMatching(/^Cannot prepare the network/) as string })
})
