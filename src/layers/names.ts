/** @file Names as Keras makes them: conv2d, conv2d_1, … counted per class through the whole session. */
let counters = new Map<string, number>()

/** Keras's snake case: Conv2D → conv2d, ReLU → re_lu, GlobalAveragePooling2D → global_average_pooling2d. */
export function snakeCase(name: string): string {
  return name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z0-9]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
}

/** The next free automatic name of a class. */
export function autoName(className: string): string {
  const stem = snakeCase(className)
  const count = counters.get(stem) ?? 0
  counters.set(stem, count + 1)
  return count === 0 ? stem : `${stem}_${count}`
}

/** Starts the automatic names again, as Keras's function of this name does. */
export function clearSession(): void {
  counters.clear()
}

/** What `build` makes before it first waits is named as at the beginning of a session; the names of this one go on afterwards. */
export function withOwnNames<T>(build: () => T): T {
  const outer = counters
  counters = new Map()
  try {
    return build()
  } finally {
    counters = outer
  }
}
