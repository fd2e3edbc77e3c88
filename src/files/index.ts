/** @file Public face of files/: whole-or-nothing writing, hashes, the cache folder, and readable errors of the file system. */
export { atomicWrite, atomicWriteSync, atomicWriteWith, sweepTemporaries } from './atomic-write.ts'
export type { AtomicWriteOptions, Bytes, FileSystem, TemporaryFile } from './atomic-write.ts'
export { cacheFolder } from './cache-folder.ts'
export type { CacheFolderInputs } from './cache-folder.ts'
export { errnoOf, fileError, formatBytes } from './file-error.ts'
export type { FileErrorContext } from './file-error.ts'
export { fileHash } from './file-hash.ts'
export type { HashName } from './file-hash.ts'
