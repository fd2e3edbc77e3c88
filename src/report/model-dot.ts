/** @file A model as a graph in Graphviz's language: a box for each layer, shaded by whether training moves it. */
import type { KerasShape, Layer, SymbolicTensor } from '../layers/index.ts'
import type { Functional } from '../models/index.ts'
import { escapeMarkup, shorten } from './text.ts'

/** Where a diagram may grow to: TB is from top to bottom. */
export const RANK_DIRECTIONS = ['TB', 'LR', 'BT', 'RL'] as const
/** Where a diagram grows to. */
export type RankDirection = (typeof RANK_DIRECTIONS)[number]

/** What `modelDot` takes; names and defaults of Keras's plot_model. */
export interface ModelDotOptions {
  /** Adds the output shape to each box. Default true. */
  readonly showShapes?: boolean
  /** Shades the boxes by whether training moves their weights, and explains the shades. Default true. */
  readonly showTrainable?: boolean
  /** Where the graph runs: top to bottom (TB, the default), left to right, or back. */
  readonly rankDirection?: RankDirection
  /** Draws the layers of nested models, in a frame, instead of one box. Default false. */
  readonly expandNested?: boolean
}

/** A network as a Graphviz graph. */
export interface ModelDot {
  /** In Graphviz's language. */
  readonly dot: string
  /** The layer's name by the name of its node in `dot`. */
  readonly names: ReadonlyMap<string, string>
}

/** One font that Graphviz knows the widths of and the PNG has; `plotModel` adds others to the SVG. */
export const DOT_FONT = 'DejaVu Sans'

type Training = 'trainable' | 'partly trainable' | 'frozen' | 'without weights'

/** Brightness and the line differ as well as the hue. */
const SHADES: Readonly<Record<Training, { readonly fill: string; readonly line: string; readonly style: string }>> = {
  trainable: { fill: '#ffd9a0', line: '#b35c00', style: 'filled,rounded,bold' },
  'partly trainable': { fill: '#fff1db', line: '#b35c00', style: 'filled,rounded' },
  frozen: { fill: '#dbe7f3', line: '#52789e', style: 'filled,rounded' },
  'without weights': { fill: '#ffffff', line: '#9aa5b1', style: 'filled,rounded' },
}

const longestName = 320

/** The graph of the model's layers and of the tensors between them. */
export function modelDot(model: Functional, options: ModelDotOptions = {}): ModelDot {
  const drawing: Drawing = { options, ids: new Map(), names: new Map(), lines: [] }
  drawLayers(model, drawing, '  ')
  drawEdges(model, drawing)
  const { rankDirection = 'TB' } = options
  const lines = [
    'digraph model {',
    `  graph [rankdir=${rankDirection} fontname="${DOT_FONT}" fontsize=15 fontcolor="#1f2933" labelloc=t labeljust=l pad=0.25 nodesep=0.22 ranksep=0.28 bgcolor=white label=<${caption(model, options)}>]`,
    `  node [shape=box fontname="${DOT_FONT}" fontsize=12 margin="0.1,0.03" height=0.3 fontcolor="#1f2933"]`,
    '  edge [color="#616e7c" arrowsize=0.6]',
    ...drawing.lines,
    '}',
  ]
  return { dot: `${lines.join('\n')}\n`, names: drawing.names }
}

interface Drawing {
  readonly options: ModelDotOptions
  readonly ids: Map<Layer, string>
  readonly names: Map<string, string>
  readonly lines: string[]
}

function drawLayers(model: Functional, drawing: Drawing, indent: string): void {
  for (const layer of model.layers) {
    if (drawing.ids.has(layer)) continue
    const id = `n${drawing.ids.size}`
    drawing.ids.set(layer, id)
    drawing.names.set(id, layer.name)
    if (isExpanded(layer, drawing)) {
      drawing.lines.push(`${indent}subgraph cluster_${id} {`, `${indent}  ${clusterStyle(layer, drawing.options)}`)
      drawLayers(layer, drawing, `${indent}  `)
      drawing.lines.push(`${indent}}`)
    } else drawing.lines.push(`${indent}${id} [${nodeStyle(layer, drawing.options)}]`)
  }
}

function drawEdges(model: Functional, drawing: Drawing): void {
  for (const call of model.path) {
    call.inputs.forEach((tensor, i) => {
      const from = exitOf(model.standIns.get(tensor)?.output ?? tensor, drawing)
      const to = entryOf(call.layer, i, drawing)
      if (from !== undefined && to !== undefined) drawing.lines.push(`  ${from} -> ${to}`)
    })
  }
  for (const layer of model.layers) if (isExpanded(layer, drawing)) drawEdges(layer, drawing)
}

/** The node that the tensor comes out of; inside the frame where its layer is a model that is drawn as one. */
function exitOf({ call: { layer } }: SymbolicTensor, drawing: Drawing): string | undefined {
  return isExpanded(layer, drawing) ? exitOf(layer.output, drawing) : drawing.ids.get(layer)
}

function entryOf(layer: Layer, i: number, drawing: Drawing): string | undefined {
  if (!isExpanded(layer, drawing)) return drawing.ids.get(layer)
  const inner = layer.inputs[i]
  return inner && entryOf(inner.call.layer, 0, drawing)
}

function isExpanded(layer: Layer, { options }: Drawing): layer is Functional {
  return options.expandNested === true && isModel(layer)
}

/** Not `instanceof`: report/ knows models by type only. */
function isModel(layer: Layer): layer is Functional {
  return 'layers' in layer
}

function nodeStyle(layer: Layer, { showShapes = true, showTrainable = true }: ModelDotOptions): string {
  const { fill, line, style } = SHADES[showTrainable ? trainingOf(layer) : 'without weights']
  const title = `<b>${nameOf(layer)}</b>  <font color="#52606d">${labelText(layer.className)}</font>`
  const shape = `<font point-size="10" color="#52606d">${labelText(shapeOf(layer))}</font>`
  // A table, as lines parted by <br/> would touch.
  const rows = (showShapes ? [title, shape] : [title]).map((row) => `<tr><td>${row}</td></tr>`).join('')
  const table = `<table border="0" cellborder="0" cellspacing="0" cellpadding="1">${rows}</table>`
  return `style="${style}" fillcolor="${fill}" color="${line}" label=<${table}>`
}

function clusterStyle(model: Functional, { showTrainable = true }: ModelDotOptions): string {
  const { line } = SHADES[showTrainable ? trainingOf(model) : 'without weights']
  return `graph [label=<<b>${nameOf(model)}</b>  ${labelText(model.className)}> style="rounded" color="${line}" fontsize=13 margin=12]`
}

function nameOf(layer: Layer): string {
  return labelText(shorten(layer.name, longestName, 12))
}

/** Graphviz replaces `\N` and its like even in labels of this kind. */
function labelText(text: string): string {
  return escapeMarkup(text).replaceAll('\\', '\\\\')
}

/** Moving statistics do not count: no optimizer touches them. */
function trainingOf(layer: Layer): Training {
  if (layer.weights.length === 0) return 'without weights'
  const movable = layer.weights.filter(({ canTrain }) => canTrain)
  const moved = movable.filter(({ trainable }) => trainable).length
  if (moved === 0) return 'frozen'
  return moved === movable.length ? 'trainable' : 'partly trainable'
}

/** Keras's way to write it; a layer that is called on different shapes has several. */
function shapeOf(layer: Layer): string {
  const shapes = layer.calls.length > 0 ? layer.calls.map(({ output }) => output.shape) : isModel(layer) ? [layer.output.shape] : []
  return [...new Set(shapes.map(shapeText))].join(', ') || '?'
}

function shapeText(shape: KerasShape): string {
  return `(${shape.map((size) => size ?? 'None').join(', ')})`
}

/** The model's name and size, and what the shades mean. */
function caption(model: Functional, { showTrainable = true }: ModelDotOptions): string {
  const weights = countOf(model.weights)
  const trainable = countOf(model.trainableWeights)
  const numbers = `${grouped(model.layers.length)} layers, ${grouped(weights)} weights${showTrainable ? `, ${grouped(trainable)} trainable` : ''}`
  const used = new Set(model.layers.map(trainingOf))
  const keys = (Object.keys(SHADES) as Training[]).filter((key) => used.has(key))
  const cell = (key: Training): string =>
    `<td bgcolor="${SHADES[key].fill}" color="${SHADES[key].line}" border="1"><font point-size="11">${key}</font></td>`
  const legend = showTrainable
    ? `<tr><td align="left"><table border="0" cellspacing="6" cellpadding="4"><tr>${keys.map(cell).join('')}</tr></table></td></tr>`
    : ''
  const title = `<tr><td align="left"><b>${nameOf(model)}</b></td></tr><tr><td align="left"><font point-size="11" color="#52606d">${numbers}</font></td></tr>`
  return `<table border="0" cellborder="0" cellspacing="0" cellpadding="3">${title}${legend}</table>`
}

function countOf(weights: Functional['weights']): number {
  return weights.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0)
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
