/** @file Joins things into groups: which things belong together follows from the pairs that do. */

/** Groups of the numbers 0 … size − 1. */
export interface UnionFind {
  /** The number that stands for the group of `member`. */
  find(member: number): number
  join(a: number, b: number): void
}

/** Every number in a group of its own. */
export function unionFind(size: number): UnionFind {
  const parents = Int32Array.from({ length: size }, (_, index) => index)
  const find = (member: number): number => {
    let root = member
    while (parents[root]! !== root) {
      parents[root] = parents[parents[root]!]!
      root = parents[root]!
    }
    return root
  }
  // The smaller number stands for the group, so that the result does not depend on the order of the joins.
  const join = (a: number, b: number): void => {
    const [first, second] = [find(a), find(b)]
    parents[Math.max(first, second)] = Math.min(first, second)
  }
  return { find, join }
}
