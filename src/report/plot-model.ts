/** @file A model drawn as a graph, laid out by Graphviz. */
import { unknownName, refuseUnknown } from '../errors.ts'
import type { Functional } from '../models/index.ts'
import { DOT_FONT, modelDot, RANK_DIRECTIONS, type ModelDotOptions } from './model-dot.ts'
import { picture, type Picture } from './picture.ts'
import { FONT } from './svg.ts'
import { escapeMarkup } from './text.ts'

/** What `plotModel` takes. */
export type PlotModelOptions = ModelDotOptions

/** The picture, and the graph that it was made from, for one's own Graphviz. */
export interface ModelPicture extends Picture {
  /** In Graphviz's language. */
  readonly dot: string
}

/** Keras's `plot_model`. Large models give large pictures; their PNG has at most 64 million pixels and 65,000 a side. */
export async function plotModel(model: Functional, options: PlotModelOptions = {}): Promise<ModelPicture> {
  refuseUnknown('plotModel', options, { showShapes: true, showTrainable: true, rankDirection: true, expandNested: true })
  const { rankDirection = 'TB' } = options
  if (!RANK_DIRECTIONS.includes(rankDirection)) throw unknownName('rank direction', rankDirection, RANK_DIRECTIONS)
  const { dot, names } = modelDot(model, options)
  // Most commands draw no model.
  const { Graphviz } = await import('@hpcc-js/wasm-graphviz')
  const graphviz = await Graphviz.load()
  // Not spread: that would draw the PNG.
  return Object.assign(picture(tidy(graphviz.layout(dot, 'svg', 'dot'), names)), { dot })
}

/**
 * Graphviz's SVG in pixels instead of points, with fonts for machines without DejaVu Sans, with the layers' names to hover over,
 * and without what only names the program.
 */
function tidy(svg: string, names: ReadonlyMap<string, string>): string {
  return svg
    .slice(svg.indexOf('<svg'))
    .replace(/<!--.*?-->\n?/gs, '')
    .replace(/^<svg width="([\d.]+)pt" height="([\d.]+)pt"/, '<svg width="$1" height="$2"')
    .replaceAll(`font-family="${DOT_FONT}"`, `font-family="${FONT}"`)
    .replace(/<title>(.*?)<\/title>\n?/g, (_, id: string) => (names.has(id) ? `<title>${escapeMarkup(names.get(id) ?? '')}</title>\n` : ''))
}
