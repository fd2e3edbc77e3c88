/** @file The codes of a GIF's frame: LZW of 3 to 12 bits, in blocks of up to 255 bytes, and the order of interlaced rows. */

/** Codes have at most 12 bits. */
const MOST_CODES = 4096

/** What the codes stand for: each is the string of `prefix`, and one byte more. */
interface Table {
  readonly prefix: Uint16Array
  readonly suffix: Uint8Array
  readonly lengths: Uint16Array
}

/** The first `count` bytes of a frame whose least size of codes, and its blocks, begin at `at`; or why they cannot be had. */
export function unpackCodes(bytes: Uint8Array, at: number, count: number): Uint8Array | 'truncated' | 'damaged' {
  const bits = bytes[at] ?? 0
  if (bits < 1 || bits > 8) return 'damaged'
  const clear = 1 << bits
  const table = firstTable(clear)
  const read = codeReader(bytes, at + 1)
  const out = new Uint8Array(count)
  let next = clear + 2
  let size = bits + 1
  let last = -1
  for (let to = 0; to < count;) {
    const code = read(size)
    if (code < 0 || code === clear + 1) return 'truncated'
    if (code === clear) {
      next = clear + 2
      size = bits + 1
      last = -1
      continue
    }
    if (last < 0 ? code > clear : code > next) return 'damaged'
    // A code that is only now defined: the last string, and its first byte again.
    const first = firstByte(table, code === next ? last : code)
    if (last >= 0 && next < MOST_CODES) {
      table.prefix[next] = last
      table.suffix[next] = first
      table.lengths[next] = table.lengths[last]! + 1
      if (++next === 1 << size && size < 12) size++
    }
    to = put(table, code, out, to)
    last = code
  }
  return out
}

function firstTable(clear: number): Table {
  const suffix = Uint8Array.from({ length: MOST_CODES }, (_, i) => i)
  return { prefix: new Uint16Array(MOST_CODES), suffix, lengths: new Uint16Array(MOST_CODES).fill(1, 0, clear) }
}

/** Gives a code of so many bits, or −1 where a block is missing or incomplete. */
function codeReader(bytes: Uint8Array, from: number): (size: number) => number {
  let at = from
  let blockEnd = from
  let held = 0
  let count = 0
  return (size) => {
    while (count < size) {
      if (at === blockEnd) {
        blockEnd = at + 1 + (bytes[at] ?? 0)
        if (blockEnd === at + 1 || blockEnd > bytes.length) return -1
        at++
      }
      held |= bytes[at++]! << count
      count += 8
    }
    const code = held & ((1 << size) - 1)
    held >>>= size
    count -= size
    return code
  }
}

function firstByte({ prefix, suffix, lengths }: Table, code: number): number {
  let at = code
  while (lengths[at]! > 1) at = prefix[at]!
  return suffix[at]!
}

/** Writes the string of a code from its end on; returns where the next one begins. */
function put({ prefix, suffix, lengths }: Table, code: number, out: Uint8Array, to: number): number {
  const end = to + lengths[code]!
  for (let at = code, place = end - 1; place >= to; place--, at = prefix[at]!) out[place] = suffix[at]!
  return end
}

/** For each row of the picture, its number in the file. */
export function unlace(height: number, isInterlaced: boolean): Int32Array {
  const order = new Int32Array(height)
  let row = 0
  for (const [first, step] of isInterlaced ? PASSES : [[0, 1] as const]) {
    for (let y = first; y < height; y += step) order[y] = row++
  }
  return order
}

const PASSES = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
] as const
