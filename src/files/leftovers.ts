/** @file Files that must not outlive the process: a command that is stopped ends without going back through the functions that made them. */
import { rmSync } from 'node:fs'

const paths = new Set<string>()

/** Removes the file or folder when the process ends, unless the returned function is called before. */
export function removeAtExit(path: string): () => void {
  if (paths.size === 0) process.on('exit', removeAll)
  paths.add(path)
  return () => {
    paths.delete(path)
    if (paths.size === 0) process.off('exit', removeAll)
  }
}

function removeAll(): void {
  for (const path of paths) {
    try {
      rmSync(path, { recursive: true, force: true })
    } catch {
      // The end of the process is no place to fail; the next writer sweeps what is left.
    }
  }
}
