import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tensor } from '../../tensor/index.ts'
import { writeProjector, type Embedding } from './projector.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'rootstock-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const points = tensor([1, 2, 3, 4, 0.5, -1e-9], [3, 2])
const text = (name: string) => readFileSync(join(folder, name), 'utf8')
const plain = (value: number) => new Uint8Array(2 * 1 * 3).fill(value)

describe('writeProjector', () => {
  it('writes points, labels, thumbnails and the file that names them', async () => {
    const sprite = { pixels: [plain(10), plain(20), plain(30)], width: 2, height: 1 }
    await writeProjector(folder, { name: 'features', points, labels: ['cat', 'dog\tor\ncat', 'ö'], sprite })
    expect(text('tensors.tsv')).toBe(`1\t2\n3\t4\n0.5\t${Math.fround(-1e-9)}\n`)
    expect(text('metadata.tsv')).toBe('cat\ndog or cat\nö\n')
    expect(text('projector_config.pbtxt')).toBe(
      'embeddings {\n  tensor_name: "features"\n  tensor_path: "tensors.tsv"\n  metadata_path: "metadata.tsv"\n' +
        '  sprite {\n    image_path: "sprite.png"\n    single_image_dim: 2\n    single_image_dim: 1\n  }\n}\n',
    )
    const { data, info } = await sharp(join(folder, 'sprite.png')).raw().toBuffer({ resolveWithObject: true })
    expect([info.width, info.height]).toEqual([4, 2])
    expect([...data].filter((_, i) => i % 3 === 0)).toEqual([10, 10, 20, 20, 30, 30, 0, 0])
  })

  it('writes columns of labels with their titles', async () => {
    await writeProjector(folder, { name: 'f', points, labels: { class: ['a', 'b', 'a'], file: ['1', '2', '3'] } })
    expect(text('metadata.tsv')).toBe('class\tfile\na\t1\nb\t2\na\t3\n')
    expect(existsSync(join(folder, 'sprite.png'))).toBe(false)
  })

  it.each<[Partial<Embedding>, string]>([
    [{ labels: ['a'] }, 'found 1 labels, expected one for each of 3 points'],
    [{ sprite: { pixels: [plain(0)], width: 2, height: 1 } }, 'found 1 thumbnails'],
    [{ sprite: { pixels: [plain(0), plain(0), plain(0)], width: 5000, height: 1 } }, 'it would be 10000 × 2 pixels'],
  ])('refuses %j', async (more, message) => {
    await expect(writeProjector(folder, { name: 'f', points, ...more })).rejects.toMatchObject({
      code: 'SHAPE',
      message: expect.stringContaining(message) as string,
    })
    expect(existsSync(join(folder, 'projector_config.pbtxt'))).toBe(false)
  })
})
