/** @file Finds damage in a JPEG that libvips does not tell of: behind a marker that does not exist it goes on with grey. */

const END = 0xd9

/** The first marker, where libjpeg looks for one, that it does not know; undefined where there is none. */
export function unknownMarker(bytes: Uint8Array): number | undefined {
  let at = 2
  for (let from = bytes.indexOf(0xff, at); from >= 0 && from + 1 < bytes.length; from = bytes.indexOf(0xff, at)) {
    const marker = bytes[from + 1]!
    at = from + 1
    // Bytes that fill up to a marker.
    if (marker === 0xff) continue
    if (marker === END) return undefined
    if (!isKnown(marker)) return marker
    at = hasNoLength(marker) ? from + 2 : from + 2 + 256 * (bytes[from + 2] ?? 0) + (bytes[from + 3] ?? 0)
  }
  return undefined
}

/** In the codes of a scan, 0xff 0x00 is a byte of 0xff. */
function hasNoLength(marker: number): boolean {
  return marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)
}

/** Frames, tables, scans, restarts, notes: everything but what is reserved. */
function isKnown(marker: number): boolean {
  return hasNoLength(marker) || (marker >= 0xc0 && marker <= 0xef) || marker === 0xfe
}
