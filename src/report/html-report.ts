/** @file A run's report as one HTML file: nothing in it is loaded from elsewhere, nothing in it runs, and foreign text stays text. */
import { el, Markup, type Child } from './svg.ts'
import { visible } from './text.ts'

/** A heading and rows of text; the first row names the columns. */
export interface ReportTable {
  /** Above it. */
  readonly title: string
  /** A sentence below the title. */
  readonly note?: string
  /** Heads. */
  readonly columns: readonly string[]
  /** Cells, row by row. */
  readonly rows: readonly (readonly string[])[]
  /** Columns from this one on hold numbers, and are aligned to the right. Default: none. */
  readonly numbersFrom?: number
}

/** A picture made by this folder, as SVG. */
export interface ReportFigure {
  /** Above it. */
  readonly title: string
  /** A whole SVG of this project's making. */
  readonly svg: string
}

/** A wrong answer with its photo. */
export interface ReportMistake {
  /** A data URL of a picture that was encoded anew, as `thumbnail` gives it. */
  readonly thumbnail: string
  /** The class that it is. */
  readonly truth: string
  /** The class that was answered. */
  readonly answer: string
  /** The photo's path. */
  readonly file: string
}

/** What stands on the page. All texts are foreign: they are escaped. */
export interface HtmlReport {
  /** Of the page. */
  readonly title: string
  /** Name and value, shown first. */
  readonly facts: readonly (readonly [name: string, value: string])[]
  /** Drawings, one below the other. */
  readonly figures: readonly ReportFigure[]
  /** Pictures with wrong answers. */
  readonly mistakes: {
    /** Above them. */
    readonly title: string
    /** The pictures. */
    readonly shown: readonly ReportMistake[]
  }
  /** In order. */
  readonly tables: readonly ReportTable[]
  /** Sentences below the title. */
  readonly notes: readonly string[]
}

/** No script, no request: styles and pictures come from the file itself. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

const style = `
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 1040px; padding: 24px 16px 64px; color: #1f2933; background: #fff;
  font: 15px/1.5 'DejaVu Sans', Verdana, Geneva, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 24px; margin: 0 0 16px; } h2 { font-size: 18px; margin: 40px 0 8px; }
p, li { color: #616e7c; margin: 4px 0 12px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 24px; margin: 0; }
dt { color: #616e7c; } dd { margin: 0; }
.scroll { overflow-x: auto; } .scroll svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { text-align: left; padding: 4px 16px 4px 0; border-bottom: 1px solid #e4e7eb; vertical-align: top; min-width: 60px; }
th { color: #616e7c; font-weight: normal; } .number { text-align: right; white-space: nowrap; }
.photos { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 16px; }
figure { margin: 0; } figure img { display: block; width: 112px; height: 112px; object-fit: contain; background: #e4e7eb; }
figcaption { font-size: 12px; } figcaption b { color: #c0392b; display: block; } figcaption span { color: #616e7c; display: block; }
`

/** The whole file. Strings are escaped; SVG and data URLs must have been made by this package. */
export function htmlReport({ title, facts, figures, mistakes, tables, notes }: HtmlReport): string {
  const head = el(
    'head',
    {},
    el('meta', { charset: 'utf-8' }),
    el('meta', { 'http-equiv': 'Content-Security-Policy', content: policy }),
    el('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    el('meta', { name: 'referrer', content: 'no-referrer' }),
    el('title', {}, text(title)),
    el('style', {}, new Markup(style)),
  )
  const body = el(
    'body',
    {},
    el('h1', {}, text(title)),
    facts.length === 0
      ? undefined
      : el(
          'dl',
          {},
          facts.map(([name, value]) => [el('dt', {}, text(name)), el('dd', {}, text(value))]),
        ),
    figures.map(figureOf),
    mistakes.shown.length === 0 ? undefined : mistakesOf(mistakes.title, mistakes.shown),
    tables.map(tableOf),
    notes.length === 0 ? undefined : [heading('Notes'), el('ul', {}, ...notes.map((note) => el('li', {}, text(note))))],
  )
  return `<!doctype html>\n${String(el('html', { lang: 'en' }, head, body))}\n`
}

function figureOf({ title, svg }: ReportFigure): Child {
  return [heading(title), el('div', { class: 'scroll' }, new Markup(svg))]
}

function mistakesOf(title: string, shown: readonly ReportMistake[]): Child {
  const photos = shown.map(({ thumbnail, truth, answer, file }) =>
    el(
      'figure',
      {},
      el('img', { src: thumbnail, alt: `${answer}, is ${truth}`, title: file }),
      el('figcaption', {}, el('b', {}, text(`✗ ${answer}`)), el('span', {}, text(`is ${truth}`)), el('span', {}, text(file))),
    ),
  )
  return [heading(title), el('div', { class: 'photos' }, ...photos)]
}

function tableOf({ title, note, columns, rows, numbersFrom = Infinity }: ReportTable): Child {
  const cell = (tag: 'td' | 'th', content: string, i: number): Markup =>
    el(tag, { class: i >= numbersFrom ? 'number' : undefined }, text(content))
  const line = (tag: 'td' | 'th', cells: readonly string[]): Markup =>
    el(
      'tr',
      {},
      cells.map((content, i) => cell(tag, content, i)),
    )
  return [
    heading(title),
    note === undefined ? undefined : el('p', {}, text(note)),
    el(
      'div',
      { class: 'scroll' },
      el('table', {}, el('thead', {}, line('th', columns)), el('tbody', {}, ...rows.map((row) => line('td', row)))),
    ),
  ]
}

function heading(title: string): Markup {
  return el('h2', {}, text(title))
}

/** Never empty: HTML does not know elements that close themselves. */
function text(content: string): string {
  return visible(content) || '–'
}
