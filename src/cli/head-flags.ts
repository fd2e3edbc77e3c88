/** @file Flags of the commands that train a head: what is trained, and on which numbers. */
import { choice, count, countOr, word } from './flag-values.ts'

/** How photos become numbers. */
export const PREPROCESSINGS = ['tf', 'caffe', 'torch', 'tutorial', 'none'] as const

export const head = countOr(count('UNITS', 'Units of the hidden layer of the head, or none; default 1024'), 'none', 'none' as const)
export const unfreezeFrom = word('LAYER', 'Train this layer of the network and all after it too; all for every layer', ['all'])
export const classWeight = choice('HOW', 'balanced: classes with few photos count as much as the others', ['balanced'] as const)
