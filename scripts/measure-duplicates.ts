/** @file Measures how far copies of photos lie from their originals and from other photos; run: npx tsx scripts/measure-duplicates.ts FOLDER… */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { correlation, fingerprint, signDistance, type Fingerprint } from '../src/data/fingerprint.ts'

type Copy = (bytes: Buffer, width: number) => Promise<Buffer>

const COPIES: Readonly<Record<string, Copy>> = {
  'JPEG quality 60': (bytes) => sharp(bytes).jpeg({ quality: 60 }).toBuffer(),
  '50 % size, quality 60': (bytes, width) =>
    sharp(bytes)
      .resize(Math.max(1, width >> 1))
      .jpeg({ quality: 60 })
      .toBuffer(),
  '25 % size, quality 80': (bytes, width) =>
    sharp(bytes)
      .resize(Math.max(1, width >> 2))
      .jpeg({ quality: 80 })
      .toBuffer(),
  'WebP quality 70': (bytes) => sharp(bytes).webp({ quality: 70 }).toBuffer(),
}

const folders = process.argv.slice(2)
const files = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => /\.jpe?g$/i.test(name)),
)
const prints: Fingerprint[] = []
const distances = new Map(Object.keys(COPIES).map((name) => [name, { signs: [] as number[], correlations: [] as number[] }]))
for (const file of files) {
  const bytes = readFileSync(file)
  const print = await fingerprint(bytes)
  const { width } = await sharp(bytes).metadata()
  prints.push(print)
  for (const [name, copy] of Object.entries(COPIES)) {
    const other = await fingerprint(await copy(bytes, width))
    distances.get(name)?.signs.push(signDistance(print, other))
    distances.get(name)?.correlations.push(correlation(print.grey, other.grey))
  }
}
for (const [name, { signs, correlations }] of distances) {
  console.log(`${name}: at most ${Math.max(...signs)} signs, correlation at least ${Math.min(...correlations).toFixed(4)}`)
}
const pairs = prints.flatMap((a, i) =>
  prints
    .slice(0, i)
    .map((b, j) => ({ files: `${files[i] ?? ''} ${files[j] ?? ''}`, signs: signDistance(a, b), correlation: correlation(a.grey, b.grey) })),
)
console.log(`${pairs.length} pairs of ${files.length} photos; the nearest:`)
for (const pair of pairs.sort((a, b) => a.signs - b.signs || b.correlation - a.correlation).slice(0, 10)) {
  console.log(`${pair.signs} signs, correlation ${pair.correlation.toFixed(4)}: ${pair.files}`)
}
