/** @file Takes the time of writing out of an HDF5 file: its bytes then follow from its content alone, as h5py leaves them too. */
import type { VirtualFile } from './h5-library.ts'

/** The header of a modification time in an object: type 18, 8 bytes, no flags; version 1. Four bytes with the seconds follow. */
const MESSAGE = Buffer.from([0x12, 0, 8, 0, 0, 0, 0, 0, 1, 0, 0, 0])
const WINDOW = 2 ** 20

/** Puts zero in the place of every modification time since `began` (seconds since 1970). Whoever wrote the file knows that it has no others. */
export function forgetTimes(file: VirtualFile, began: number): void {
  const now = Math.ceil(Date.now() / 1000)
  const window = Buffer.alloc(WINDOW + MESSAGE.length + 4)
  for (let start = 0; start < file.size(); start += WINDOW) {
    const part = window.subarray(0, file.read(window, start))
    for (let at = part.indexOf(MESSAGE); at >= 0 && at < WINDOW; at = part.indexOf(MESSAGE, at + 1)) {
      const place = at + MESSAGE.length
      if (place + 4 > part.length) break
      const seconds = part.readUInt32LE(place)
      // Numbers that happen to look like the header hardly hold this very minute too.
      if (seconds >= began && seconds <= now) file.write(Buffer.alloc(4), start + place)
    }
  }
}
