/** @file `rootstock summary`: the layers of a network or a trained classifier. */
import type { Model } from '../training/index.ts'
import { command, type Outcome } from './command.ts'
import { count, positive, quantity, toggle } from './flag-values.ts'
import { isNetwork, openClassifier, type BuildingFlags } from './open-classifier.ts'
import type { Terminal } from './terminal.ts'

export const summary = command({
  name: 'summary',
  summary: 'Print the layers of a network or of a trained classifier as Keras does.',
  operands: [{ name: 'MODEL', description: 'The name of a network, or the folder of a run' }],
  flags: {
    alpha: quantity('A', 'Width of mobilenet; default 1', positive),
    size: count('PIXELS', "Height and width of the network's input; default its own"),
    noTop: toggle('Leave the 1,000-class top out'),
  },
  examples: ['rootstock summary inceptionV3', 'rootstock summary runs/pets'],
  run: async ({ operands: [name = ''], flags: { noTop, ...building }, terminal }) => {
    if (await isNetwork(name)) return show(await networkModel(name, building, noTop !== true), terminal)
    const classifier = await openClassifier(name, building)
    try {
      return show(classifier.model, terminal)
    } finally {
      await classifier.dispose()
    }
  },
})

async function networkModel(name: string, { alpha, size }: BuildingFlags, includeTop: boolean): Promise<Model> {
  const { application } = await import('../applications/index.ts')
  return application(name, { weights: null, includeTop, ...(alpha && { alpha }), ...(size && { inputShape: [size, size, 3] }) })
}

function show(model: Model, { print }: Terminal): Outcome {
  const text = model.summary()
  print(text)
  const total = parameters(model.weights)
  const trainable = parameters(model.trainableWeights)
  const layers = model.layers.map(({ name, className }) => ({ name, className }))
  return { json: { name: model.name, layers, parameters: { total, trainable, frozen: total - trainable }, summary: text } }
}

function parameters(weights: Model['weights']): number {
  return weights.reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0)
}
