/** @file The parts of a data set. */

/** The three parts of a data set. */
export type Part = 'train' | 'validation' | 'test'

/** The parts in the order of their use. */
export const PARTS: readonly Part[] = ['train', 'validation', 'test']
