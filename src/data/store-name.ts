/** @file How the file of the stores is called. */

/** The name of the file in its folder. */
export const storeFile = 'features.lmdb'
