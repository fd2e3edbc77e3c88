import { Resvg } from '@resvg/resvg-js'
import { describe, expect, test } from 'vitest'
import * as layers from '../layers/index.ts'
import { Functional } from '../models/index.ts'
import { expectHarmless, hostileNames } from './hostile.cases.ts'
import { modelDot, type RankDirection } from './model-dot.ts'
import { plotModel } from './plot-model.ts'
import { visible } from './text.ts'

/** A frozen base with a residual connection and a new head, as in transfer learning. */
function nested(): Functional {
  layers.clearSession()
  const photo = layers.input({ shape: [32, 32, 3], name: 'photo' })
  const stem = layers.conv2d({ filters: 8, kernelSize: 3, name: 'stem' })(photo)
  const normal = layers.batchNormalization({ name: 'normal' })(stem)
  const sum = layers.add({ name: 'sum' })([normal, layers.conv2d({ filters: 8, kernelSize: 1, name: 'side' })(normal)])
  const base = new Functional({ inputs: photo, outputs: sum, name: 'base' })
  base.trainable = false
  const picture = layers.input({ shape: [32, 32, 3], name: 'picture' })
  const pooled = layers.globalAveragePooling2d({ name: 'pool' })(base(picture))
  return new Functional({ inputs: picture, outputs: layers.dense({ units: 2, name: 'head' })(pooled), name: 'classifier' })
}

/** A model of that many layers in which each third one joins two ways, as in a large network. */
function tower(count: number): Functional {
  layers.clearSession()
  const start = layers.input({ shape: [8, 8, 4] })
  let x = start
  for (let i = 1; i < count; i += 3) {
    const left = layers.conv2d({ filters: 4, kernelSize: 1 })(x)
    x = layers.add()([layers.batchNormalization()(left), x])
  }
  return new Functional({ inputs: start, outputs: x, name: 'tower' })
}

const edges = (dot: string): string[] => dot.match(/n\d+ -> n\d+/g) ?? []
const svgTexts = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => (text ?? '').trim())

describe('plotModel', () => {
  test.each([
    ['model', {}],
    ['model-expanded', { expandNested: true }],
    ['model-plain', { rankDirection: 'LR', showShapes: false, showTrainable: false }],
  ] as const)('the gallery: %s', async (name, options) => {
    const { svg, dot, png } = await plotModel(nested(), options)
    await expect(svg).toMatchFileSnapshot(`gallery/${name}.svg`)
    expect((await plotModel(nested(), options)).dot).toBe(dot)
    expect(png.length).toBeGreaterThan(5000)
  })

  test('names layers, types and shapes', async () => {
    const shown = svgTexts((await plotModel(nested())).svg).join(' ')
    for (const text of ['picture', 'InputLayer', '(None, 30, 30, 8)', 'Dense', '4 layers, 346 weights, 18 trainable'])
      expect(shown).toContain(text)
    expect(svgTexts((await plotModel(nested(), { showShapes: false })).svg).join(' ')).not.toContain('None')
  })

  test('stays readable at 313 layers', async () => {
    const model = tower(313)
    expect(model.layers).toHaveLength(313)
    const { svg, png } = await plotModel(model)
    const { width, height } = new Resvg(svg)
    expect(Math.max(width, height)).toBeLessThan(20_000)
    const view = new DataView(png.buffer, png.byteOffset)
    expect(view.getUint32(20)).toBeGreaterThanOrEqual(Math.round(height))
    expect(svg.match(/class="node"/g)).toHaveLength(313)
  })

  test('refuses other directions', async () => {
    await expect(plotModel(nested(), { rankDirection: 'DOWN' as RankDirection })).rejects.toThrow('Unknown rank direction "DOWN"')
  })

  // A layer's name has no slash.
  test.each(hostileNames.map((name) => name.replaceAll('/', '|')))('shows the name %j as text', async (name) => {
    const start = layers.input({ shape: [4], name })
    const inner = new Functional({ inputs: start, outputs: layers.dense({ units: 2, name: `${name}.` })(start), name: `${name}..` })
    const outer = layers.input({ shape: [4], name: `${name}...` })
    const { svg } = await plotModel(new Functional({ inputs: outer, outputs: inner(outer), name }), { expandNested: true })
    expectHarmless(svg)
    const shown = decode(svgTexts(svg).join('\n'))
    if (name.length < 40) expect(shown).toContain(visible(name).trim())
  })
})

describe('modelDot', () => {
  test('has a node for each layer and an edge for each tensor', () => {
    const { dot, names } = modelDot(nested())
    expect([...names.values()]).toEqual(['picture', 'base', 'pool', 'head'])
    expect(edges(dot)).toEqual(['n0 -> n1', 'n1 -> n2', 'n2 -> n3'])
  })

  test('leads edges into and out of expanded models', () => {
    const { dot, names } = modelDot(nested(), { expandNested: true })
    const named = edges(dot).map((edge) => edge.replace(/n\d+/g, (id) => names.get(id) ?? id))
    expect(named.sort()).toEqual([
      'normal -> side',
      'normal -> sum',
      'photo -> stem',
      'picture -> photo',
      'pool -> head',
      'side -> sum',
      'stem -> normal',
      'sum -> pool',
    ])
  })

  test('shades by what training moves', () => {
    const model = nested()
    const shades = (): (string | undefined)[] =>
      (modelDot(model).dot.match(/ {2}n\d+ .*fillcolor="#\w+"/g) ?? []).map((node) => /fillcolor="(#\w+)"/.exec(node)?.[1])
    expect(shades()).toEqual(['#ffffff', '#dbe7f3', '#ffffff', '#ffd9a0'])
    const base = model.layers[1] as Functional
    base.getLayer('side').trainable = true
    expect(shades()[1]).toBe('#fff1db')
    base.trainable = true
    expect(shades()[1]).toBe('#ffd9a0')
  })
})

function decode(text: string): string {
  return text
    .replace(/&#45;/g, '-')
    .replace(/&#160;/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&')
}
