/** @file The HDF5 reader against files made by h5py: sound ones, crafted ones, and every kind of damage. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RootstockError } from '../../errors.ts'
import { openHdf5, withHdf5 } from './hdf5.ts'
import type { H5File } from './hdf5.ts'
import type { H5Group } from './h5-walk.ts'

const FOLDER = 'test/fixtures/hdf5'
const fixture = (name: string): string => join(FOLDER, `${name}.h5`)

/** Reads everything in a file; returns the number of datasets. */
function readAll(file: H5File, group: H5Group = file.root): number {
  for (const name of file.attributeNames(group.path)) file.attribute(group.path, name)
  let count = 0
  for (const child of group.children.values()) {
    if (child.kind === 'group') count += readAll(file, child)
    else count += file.read(child).data.length >= 0 ? 1 : 0
  }
  return count
}

function values(file: H5File, path: string): number[] {
  const dataset = file.dataset(path)
  if (!dataset) throw new Error(`${path} is missing`)
  return [...file.read(dataset).data]
}

const eighths = Array.from({ length: 24 }, (_, i) => (i - 12) / 8)
const counted = (from: number, length = 24): number[] => Array.from({ length }, (_, i) => i + from)

describe.each(['types', 'types-latest'])('a file of every type: %s', (name) => {
  test.each([
    ...['f2', 'f4', 'f8', 'big-f4', 'big-f8'].map((type) => [`float/${type}`, eighths] as const),
    ...['i1', 'i2', 'i4', 'i8', 'big-i4'].map((type) => [`signed/${type}`, counted(-5)] as const),
    ...['u1', 'u2', 'u4', 'u8', 'big-u2'].map((type) => [`unsigned/${type}`, counted(0)] as const),
    ['scalar', [2.5]] as const,
    ['empty', []] as const,
  ])('%s is read as float32', async (path, expected) => {
    await withHdf5(fixture(name), (file) => expect(values(file, path)).toEqual(expected))
  })

  test('attributes are texts, numbers and lists', async () => {
    await withHdf5(fixture(name), (file) => {
      const read = (attribute: string): unknown => file.attribute('deep', attribute)
      expect(read('vlen')).toBe('Grüße')
      expect(read('fixed')).toBe('fixed text')
      expect(read('vlen_list')).toEqual(['a', '', 'ccc'])
      expect(read('fixed_list')).toEqual(['a', 'bb', 'ccc'])
      expect(read('integer')).toBe(3)
      expect(read('floats')).toEqual([0.5, 1.5])
      expect(read('none')).toEqual([])
      expect(read('absent')).toBeUndefined()
      expect(file.attribute('nowhere', 'vlen')).toBeUndefined()
    })
  })

  test('bytes and path give the same file', async () => {
    const [text] = await Promise.all([withHdf5(readFileSync(fixture(name)), (file) => file.attribute('deep', 'vlen'))])
    expect(text).toBe('Grüße')
  })
})

test.each(['all', 'none', 'sum'])('chunks with filters (%s) are put together', async (path) => {
  await withHdf5(fixture('chunked'), (file) => expect(values(file, path)).toEqual(counted(0, 105)))
})

test.each([
  ['external-storage', '"/conv1/kernel" are kept in another file (external raw storage), which is refused'],
  ['external-storage-absolute', 'external raw storage'],
  ['external-storage-device', 'external raw storage'],
  ['external-link', '"/conv1" is an external link (to the file "target.h5"), which is refused'],
  ['virtual', '"/kernel" is a virtual dataset, which is refused'],
  ['soft-link', '"/b" is a soft link (to "/a"), which is refused'],
  ['soft-link-broken', 'is a soft link'],
  ['soft-link-loop', 'is a soft link'],
  ['hard-link-loop', '"/a/b/back" is linked a second time'],
  ['hard-link-root', '"/self" is linked a second time'],
  ['hard-link-twice', '"/kernel" is linked a second time'],
  ['deep', 'nested more than 32 deep'],
  ['bomb-gzip', '"/kernel" claims 4,398,046,511,104 bytes, and a file of 1,400 bytes can hold at most 1,400,000 bytes'],
  ['bomb-chunk', '"/kernel" claims 536,870,912 bytes'],
  ['bomb-dimensions', 'can hold at most'],
  ['bomb-contiguous', 'and a file of 4,752 bytes can hold at most 4,752 bytes'],
  ['filter-lzf', 'the filter "lzf", expected gzip, shuffle or fletcher32'],
  ['filter-scaleoffset', 'the filter "scaleoffset"'],
  ['committed-type', 'a committed element type'],
  ['dense-soft-link', '"/link" is a soft link (to "/0"), which is refused'],
  ['dense-external-link', '"/link" is an external link (to the file "target.h5"), which is refused'],
  ['dense-loop', 'is linked a second time'],
  ['dense-outside', 'it is damaged at "/" (an object outside its block)'],
  ['truncated', 'truncated, 8,612 of 17,224 bytes'],
  ['empty', 'it is empty'],
  ['page', 'it looks like a web page'],
])('%s is refused by name', (name, text) => {
  const error = failureOf(() => openHdf5(fixture(name)))
  expect(error).toMatchObject({ code: 'WEIGHTS' })
  expect(error.message).toContain(`Cannot read ${fixture(name)}: `)
  expect(error.message).toContain(text)
  expect(error.hint).toBeDefined()
})

test('large groups with names beyond ASCII and objects with many attributes, which HDF5 keeps in heaps, are read like small ones', async () => {
  const names = Array.from({ length: 25 }, (_, i) => `${String(i).padStart(3, '0')}-é-${'x'.repeat(i * 20)}`)
  await withHdf5(fixture('dense-names'), (file) => {
    // Keras writes such a group from nine layers on; of these 25 every fifth was taken out again.
    const kept = names.filter((_, i) => i % 5 !== 0)
    expect([...file.root.children.keys()]).toEqual(kept)
  })
  await withHdf5(fixture('dense'), (file) => {
    expect([...(file.group('dense')?.children.keys() ?? [])]).toEqual(['0', '1', '10', '11', '2', '3', '4', '5', '6', '7', '8', '9'])
    expect(values(file, 'dense/11')).toEqual([11])
  })
  await withHdf5(fixture('dense-attributes'), (file) => {
    expect(counted(0, 12).map((i) => file.attribute('/', String(i)))).toEqual(counted(0, 12))
    expect(counted(0, 100).map((i) => file.attribute('/', `text ${i}`))).toEqual(counted(0, 100).map((i) => 'é'.repeat(i % 50)))
  })
})

test.each([
  ['unwritten', 'was never written'],
  ['unwritten-chunked', 'was never written'],
  ['bfloat16-like', 'does not hold numbers'],
])('%s opens, but its dataset is refused instead of read as zeros', async (name, text) => {
  await withHdf5(fixture(name), (file) => expect(failureOf(() => values(file, 'kernel')).message).toContain(text))
})

test('a folder, a pipe, a device and a missing file are refused at once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rootstock-h5-'))
  const pipe = join(folder, 'pipe.h5')
  execFileSync('mkfifo', [pipe])
  for (const [path, text] of [
    [folder, 'a folder'],
    [pipe, 'not a regular file'],
    ['/dev/zero', 'not a regular file'],
    ['/nowhere.h5', 'does not exist'],
  ] as const) {
    // prettier-ignore
    const error = failureOf(() => openHdf5(path))
    expect(error).toMatchObject({ code: 'FILE' })
    expect(error.message).toContain(text)
  }
  rmSync(folder, { recursive: true })
})

test('a closed file says so', () => {
  const file = openHdf5(fixture('types'))
  file.close()
  file.close()
  expect(failureOf(() => values(file, 'scalar')).message).toContain('is closed')
})

test('truncation at every 97th length is an error, also when the superblock agrees with the length', () => {
  for (const name of ['keras2', 'keras3-proto.weights', 'types-latest', 'chunked', 'dense']) {
    const whole = readFileSync(fixture(name))
    for (let length = 0; length < whole.length; length += 97) {
      const message = failureOf(() => openHdf5(whole.subarray(0, length))).message
      expect(message).toMatch(/truncated|empty/u)
      const agreed = Buffer.from(whole.subarray(0, length))
      if (length < 64) continue
      agreed.writeBigUInt64LE(BigInt(length), whole[8] === 0 ? 40 : 28)
      expectErrorOrData(agreed)
    }
  }
})

test('any mutation gives an error or data, in time and without another exception', () => {
  const files = ['keras2', 'keras3-proto.weights', 'types', 'types-latest', 'chunked', 'dense', 'dense-names', 'dense-attributes'].map(
    (name) => readFileSync(fixture(name)),
  )
  const change = fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.constantFrom(0, 1, 255, 128, 24, 17))
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.array(change, { minLength: 1, maxLength: 8 }), fc.boolean(), (whole, changes, early) => {
      const bytes = Buffer.from(whole)
      // Half of the time the first 2 KB, where the structure is.
      for (const [where, value] of changes) bytes[Math.floor(where * (early ? 2048 : bytes.length))] = value
      const start = performance.now()
      expectErrorOrData(bytes)
      expect(performance.now() - start).toBeLessThan(1000)
    }),
    { numRuns: 3000 },
  )
})

test('a loop in a global heap, which hangs the HDF5 library, is an error', () => {
  const bytes = readFileSync(fixture('heap-loop'))
  expectErrorOrData(bytes)
})

const release = '../shared/data/weights/mobilenet_0.25_224/mobilenet_2_5_224_tf_no_top.h5'
test.skipIf(!existsSync(release))(`needs ${release}: a published file is read whole`, async () => {
  await withHdf5(release, (file) => {
    expect(readAll(file)).toBe(135)
    expect(values(file, 'conv1/conv1/kernel:0')).toHaveLength(216)
  })
})

function expectErrorOrData(bytes: Uint8Array): void {
  try {
    const file = openHdf5(bytes)
    readAll(file)
    file.close()
  } catch (error) {
    if (!(error instanceof RootstockError)) throw error
  }
}

function failureOf(action: () => unknown): RootstockError {
  try {
    action()
  } catch (error) {
    if (error instanceof RootstockError) return error
    throw error
  }
  throw new Error('expected a RootstockError')
}
