/** @file `rootstock diagram`: the layers of a network or a trained classifier as a picture. */
import { basename } from 'node:path'
import { timedBar } from './bar.ts'
import { command } from './command.ts'
import { choice, count, positive, quantity, toggle, word } from './flag-values.ts'
import { oneLine } from './one-line.ts'
import { openModel } from './open-model.ts'
import { checkPlaces, formOf } from './output-file.ts'

const FORMS = ['svg', 'png', 'dot'] as const

export const diagram = command({
  name: 'diagram',
  summary: 'Draw the layers of a network or of a trained classifier: shapes, types, and what training moves.',
  operands: [
    { name: 'MODEL', description: 'The name of a network, the folder of a run, or a whole model (.keras, .h5)', completes: 'models' },
  ],
  flags: {
    out: word('FILE', "The picture, .svg or .png, or the graph for one's own Graphviz, .dot; default model.svg"),
    direction: choice('WAY', 'TB (top to bottom), LR, BT or RL; default TB', ['TB', 'LR', 'BT', 'RL'] as const),
    expandNested: toggle('Draw the layers of models inside the model too'),
    noShapes: toggle('Leave the shapes out'),
    noTrainable: toggle('Do not shade by what training moves'),
    alpha: quantity('A', 'Width of mobilenet; default 1', positive),
    size: count('PIXELS', "Height and width of the network's input; default its own"),
    noTop: toggle('Leave the 1,000-class top of a network out'),
  },
  examples: ['rootstock diagram inceptionV3 --out inception.svg', 'rootstock diagram runs/pets --out pets.png --direction LR'],
  run: async ({ operands: [name = ''], flags, terminal: { print, progress } }) => {
    const { out = 'model.svg', direction, expandNested = false, noShapes = false, noTrainable = false, ...building } = flags
    const form = formOf(out, FORMS)
    await checkPlaces([out])
    const { modelDot, plotModel } = await import('../report/index.ts')
    const { atomicWrite } = await import('../files/index.ts')
    const bar = timedBar(progress, { label: `Drawing ${basename(out)}`, unit: 'steps' })
    bar.update(0, 2)
    const model = await openModel(name, building)
    bar.update(1, 2)
    try {
      const shown = { showShapes: !noShapes, showTrainable: !noTrainable, expandNested, ...(direction && { rankDirection: direction }) }
      const drawn = form === 'dot' ? modelDot(model, shown).dot : (await plotModel(model, shown))[form]
      await atomicWrite(out, typeof drawn === 'string' ? Buffer.from(drawn) : drawn)
      bar.clear()
      print(`${oneLine(out)}: ${model.layers.length} layers of ${oneLine(model.name)}`)
      return { json: { out, model: model.name, layers: model.layers.length } }
    } finally {
      bar.clear()
      await model.dispose()
    }
  },
})
