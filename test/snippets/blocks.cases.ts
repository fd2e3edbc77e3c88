/** @file The fenced blocks of the README and the guides, and what the comment above a block says of it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../sources.ts'

/** One fenced block. */
export interface Block {
  /** Path of the page in the repository, with slashes. */
  readonly page: string
  /** Line of the fence, from 1. */
  readonly line: number
  readonly language: string
  readonly code: string
  /** `<!-- continues -->`: the block goes on where the one before it of its language ended. */
  readonly continues: boolean
  /** `<!-- not run: REASON -->` */
  readonly notRun: string | undefined
  /** `<!-- not compared: REASON -->`: a session whose output depends on more than the test can draw. */
  readonly notCompared: string | undefined
}

/** The README and every guide. */
export function pages(): string[] {
  const guides = readdirSync(join(root, 'docs/guides')).filter((name) => name.endsWith('.md'))
  return ['README.md', ...guides.sort().map((name) => `docs/guides/${name}`)]
}

/** The text of a page. */
export function textOf(page: string): string {
  return readFileSync(join(root, page), 'utf8')
}

/** The blocks of a text, from top to bottom. Throws for a fence that is never closed. */
export function blocksOf(page: string, text = textOf(page)): Block[] {
  const lines = text.split('\n')
  const blocks: Block[] = []
  for (let at = 0; at < lines.length; at++) {
    const fence = /^ *```(\w*)$/.exec(lines[at]!)
    if (!fence) continue
    const end = lines.findIndex((line, i) => i > at && /^ *```$/.test(line))
    if (end < 0) throw new Error(`${page}:${at + 1}: the block is never closed`)
    const above = lines[at - 1] ?? ''
    blocks.push({
      page,
      line: at + 1,
      language: fence[1] ?? '',
      code: `${lines.slice(at + 1, end).join('\n')}\n`,
      continues: /<!-- continues -->/.test(above),
      notRun: /<!-- not run: (.+) -->/.exec(above)?.[1],
      notCompared: /<!-- not compared: (.+) -->/.exec(above)?.[1],
    })
    at = end
  }
  return blocks
}

/** Blocks that continue one another as one program; `parts` are its blocks. */
export interface Program {
  readonly page: string
  readonly line: number
  readonly code: string
}

/** The programs of one language. */
export function programsOf(blocks: readonly Block[], language: string): Program[] {
  const programs: Program[] = []
  for (const { page, line, code, continues } of blocks.filter((block) => block.language === language && !block.notRun)) {
    const last = programs.at(-1)
    if (continues && last) programs[programs.length - 1] = { ...last, code: `${last.code}\n${code}` }
    else programs.push({ page, line, code })
  }
  return programs
}

/** The commands of a session (`$ command`) and the lines that it shows of their output. */
export function sessionOf({ code }: Block): { readonly commands: string[]; readonly shown: string[] } {
  const lines = code.split('\n').filter((line) => line.trim() !== '' && line.trim() !== '…')
  const isCommand = (line: string): boolean => line.startsWith('$ ')
  return { commands: lines.filter(isCommand).map((line) => line.slice(2)), shown: lines.filter((line) => !isCommand(line)) }
}

/** A line of output without its numbers, its spaces and what a terminal would colour: what must be the same for other photos. */
export function shapeOf(line: string): string {
  return line
    .replace(/\b\d+ min\b/g, '')
    .replace(/\d[\d.,]*(e[+-]?\d+)?/g, '#')
    .replace(/\s+/g, ' ')
    .trim()
}
