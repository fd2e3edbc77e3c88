/** @file `rootstock summary`: the layers of a network or a trained classifier. */
import type { Model } from '../training/index.ts'
import { command, type Outcome } from './command.ts'
import { count, positive, quantity, toggle } from './flag-values.ts'
import { openClassifier } from './open-classifier.ts'
import { openModel, refuseNoTop, type ModelFlags } from './open-model.ts'
import type { Terminal } from './terminal.ts'

export const summary = command({
  name: 'summary',
  summary: 'Print the layers of a network or of a trained classifier as Keras does.',
  operands: [
    { name: 'MODEL', description: 'The name of a network, the folder of a run, or a whole model (.keras, .h5)', completes: 'models' },
  ],
  flags: {
    alpha: quantity('A', 'Width of mobilenet; default 1', positive),
    size: count('PIXELS', "Height and width of the network's input; default its own"),
    noTop: toggle('Leave the 1,000-class top out'),
  },
  examples: ['rootstock summary inceptionV3', 'rootstock summary runs/pets'],
  run: async ({ operands: [name = ''], flags, terminal }) => {
    if (name.endsWith('.onnx')) return showGraph(name, flags, terminal)
    const model = await openModel(name, flags)
    try {
      return show(model, terminal)
    } finally {
      await model.dispose()
    }
  },
})

function show(model: Model, { print }: Terminal): Outcome {
  const text = model.summary()
  print(text)
  const total = parameters(model.weights)
  const trainable = parameters(model.trainableWeights)
  const layers = model.layers.map(({ name, className }) => ({ name, className }))
  return { json: { name: model.name, layers, parameters: { total, trainable, frozen: total - trainable }, summary: text } }
}

/** A classifier.onnx has operators instead of layers. */
async function showGraph(path: string, { noTop, ...flags }: ModelFlags, { print }: Terminal): Promise<Outcome> {
  refuseNoTop(path, noTop)
  const classifier = await openClassifier(path, flags)
  const text = classifier.summary()
  await classifier.dispose()
  print(text)
  return { json: { name: classifier.network, classes: classifier.classNames, summary: text } }
}

function parameters(weights: Model['weights']): number {
  return weights.reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0)
}
