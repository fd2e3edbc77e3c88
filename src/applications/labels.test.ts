import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { imagenetLabels } from './labels.ts'

test('are those of the index file that Keras publishes, by its MD5', () => {
  // Python writes JSON with a space after each comma and colon.
  const entries = imagenetLabels.map(({ wnid, name }, i) => `"${i}": ["${wnid}", "${name}"]`)
  const index = `{${entries.join(', ')}}`
  expect(createHash('md5').update(index).digest('hex')).toBe('c2c37ea517e94d9795004a39431a14cb')
})

test('have unique ids, but two names that occur twice', () => {
  expect(new Set(imagenetLabels.map(({ wnid }) => wnid)).size).toBe(1000)
  const names = imagenetLabels.map(({ name }) => name)
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual(['crane', 'maillot'])
})
