/** @file Some members of an object, without those that are undefined. */

/** The named members that are there; for options that must be absent, not undefined. */
export function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): { readonly [P in K]?: Exclude<T[P], undefined> } {
  const found = names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]] as const]))
  return Object.fromEntries(found) as { readonly [P in K]?: Exclude<T[P], undefined> }
}
