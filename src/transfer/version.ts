/** @file The version of this package, as runs record it. */
export const version = '0.1.0'
