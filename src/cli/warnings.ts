/** @file Warnings of the library, which Node would print in its own form: one line each, as other notes. */
import type { Terminal } from './terminal.ts'

/** Tells warnings as notes, so that --quiet holds for them too, until the returned function is called; those of others stay with Node. */
export function tellWarnings({ note }: Pick<Terminal, 'note'>): () => void {
  const others = process.listeners('warning')
  const listener = (warning: Error): void => {
    if (warning.name === 'RootstockWarning') note(`warning: ${warning.message}`)
    else for (const other of others) other(warning)
  }
  process.removeAllListeners('warning')
  process.on('warning', listener)
  return () => {
    process.off('warning', listener)
    for (const other of others) process.on('warning', other)
  }
}
