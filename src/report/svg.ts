/** @file Builds SVG text. Strings always become escaped text; only what this file made counts as markup. */
import { escapeMarkup } from './text.ts'

/** Markup that is safe to insert as it is. */
export class Markup {
  readonly #text: string
  constructor(text: string) {
    this.#text = text
  }
  toString(): string {
    return this.#text
  }
}

export type Child = string | Markup | undefined | readonly Child[]
export type Attributes = Readonly<Record<string, string | number | undefined>>

/** Fonts with the same widths first: DejaVu Sans is the one of the PNG files, Verdana its nearest relative on most desks. */
export const FONT = "'DejaVu Sans', Verdana, Geneva, sans-serif"

export const COLORS = { text: '#1f2933', faint: '#616e7c', grid: '#e4e7eb', axis: '#9aa5b1', background: '#ffffff' } as const

/** An element; attributes that are undefined are left out, numbers are rounded to hundredths. */
export function el(name: string, attributes: Attributes, ...children: readonly Child[]): Markup {
  const start = Object.entries(attributes).map(([key, value]) => (value === undefined ? '' : ` ${key}="${attributeText(value)}"`))
  const inner = children.map(childText).join('')
  return new Markup(inner === '' ? `<${name}${start.join('')}/>` : `<${name}${start.join('')}>${inner}</${name}>`)
}

/** A whole file with a white ground. `label` is what a screen reader says. */
export function svgDocument(size: { readonly width: number; readonly height: number }, label: string, children: readonly Child[]): string {
  const width = Math.ceil(size.width)
  const height = Math.ceil(size.height)
  const root = { xmlns: 'http://www.w3.org/2000/svg', width, height, viewBox: `0 0 ${width} ${height}` }
  const ground = el('rect', { width, height, fill: COLORS.background })
  return `${String(
    el('svg', { ...root, role: 'img', 'aria-label': label, 'font-family': FONT, 'font-size': 12, fill: COLORS.text }, ground, children),
  )}\n`
}

export interface TextStyle {
  readonly size?: number
  readonly bold?: boolean
  readonly fill?: string
  readonly anchor?: 'start' | 'middle' | 'end'
  /** Degrees, around the point that the text hangs on. */
  readonly turn?: number
}

/** One line of text whose middle height is at `y`. */
export function textAt([x, y]: readonly [number, number], content: string, style: TextStyle = {}): Markup {
  const { size = 12, bold, fill, anchor, turn } = style
  return el(
    'text',
    {
      x,
      // Half the height of a capital of DejaVu Sans; `dominant-baseline` differs between renderers.
      y: y + size * 0.36,
      'font-size': size === 12 ? undefined : size,
      'font-weight': bold ? 'bold' : undefined,
      fill,
      'text-anchor': anchor === 'start' ? undefined : anchor,
      transform: turn === undefined ? undefined : `rotate(${turn} ${round(x)} ${round(y)})`,
    },
    content,
  )
}

/** Rounded to hundredths; the same digits on every machine. */
export function round(value: number): number {
  return Math.round(value * 100) / 100 + 0
}

function attributeText(value: string | number): string {
  return typeof value === 'number' ? String(round(value)) : escapeMarkup(value)
}

function childText(child: Child): string {
  if (child === undefined) return ''
  if (child instanceof Markup) return child.toString()
  return typeof child === 'string' ? escapeMarkup(child) : child.map(childText).join('')
}
