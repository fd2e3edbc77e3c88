/** @file Warnings that would otherwise be repeated every epoch. */
import type { TrainingControl } from '../callback.ts'

/** Emits each different message once until `reset`, as Python's warnings do. */
export interface OnceWarner {
  warn(message: string, control: TrainingControl): void
  reset(): void
}

/** A warner that speaks in the name of the callback `by`. */
export function warnOnce(by: string): OnceWarner {
  const said = new Set<string>()
  return {
    warn(message, control) {
      if (said.has(message)) return
      said.add(message)
      control.emit({ type: 'warning', message, by })
    },
    reset: () => said.clear(),
  }
}
