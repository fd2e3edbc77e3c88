/** @file Photos, weights and places that cannot be used: one line, the right exit code, nothing half-written. */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { drawClasses, drawPhotos, expectRefusal, rootstock, rootstockJson, scratchFolder, SMALL } from './rootstock.cases.ts'

const scratch = scratchFolder()
const at = (...names: string[]): string => join(scratch, ...names)
const odd = 'test/golden/odd-images'
const damaged = ['empty.jpg', 'header_only.jpg', 'text.png', 'truncated.jpg']

beforeAll(async () => {
  mkdirSync(at('empty'))
  await drawPhotos(at('photos'), 6)
  await drawClasses(at('classes'), 6)
  cpSync(at('classes', 'cat'), at('one', 'cat'), { recursive: true })
  cpSync(at('classes', 'cat'), at('hole', 'cat'), { recursive: true })
  mkdirSync(at('hole', 'dog'))
  for (const name of ['one', 'two']) {
    mkdirSync(at('broken', name), { recursive: true })
    for (const file of damaged) cpSync(join(odd, file), at('broken', name, file))
  }
  writeFileSync(at('file.txt'), 'no folder')
})

interface Case {
  readonly name: string
  readonly argv: () => readonly string[]
  readonly code: number
  readonly says: RegExp
  readonly env?: Readonly<Record<string, string>>
}

let refusals = 0
/** Cases run side by side, and a folder serves one run at a time. */
const refused = (): string => at(`refused-${(refusals += 1)}`)
const training =
  (folder: string, ...more: string[]): (() => string[]) =>
  () => ['train', at(folder), ...SMALL, '--out', refused(), ...more]

const photos: readonly Case[] = [
  { name: 'a missing folder', argv: training('fotos'), code: 3, says: /fotos": there is no such folder\. Did you mean .*photos/ },
  { name: 'a file for a folder', argv: training('file.txt'), code: 3, says: /file\.txt": found a file, expected a folder/ },
  {
    name: 'an empty folder',
    argv: training('empty'),
    code: 3,
    says: /empty": the folder is empty, expected one folder of pictures per class/,
  },
  { name: 'one class only', argv: training('one'), code: 3, says: /found one class, "cat", expected at least two/ },
  { name: 'a class without a picture', argv: training('hole'), code: 3, says: /class "dog" has no picture\. Add pictures/ },
  {
    name: 'prepare from an empty folder',
    argv: () => ['prepare', at('empty'), refused()],
    code: 3,
    says: /empty.*expected two or more/,
  },
  {
    name: 'prepare with more photos than there are',
    argv: () => ['prepare', at('photos'), refused(), '--train', '50'],
    code: 3,
    says: /has 6 photos, expected at least 50/,
  },
  { name: 'prepare into its source', argv: () => ['prepare', at('photos'), at('photos')], code: 2, says: /is the source or holds it/ },
  {
    name: 'evaluate on a missing folder',
    argv: () => ['evaluate', at('classes'), at('nothing')],
    code: 1,
    says: /found no run\.json.*rootstock train/,
  },
  {
    name: 'a folder without pictures to predict',
    argv: () => ['predict', 'mobilenet', at('empty'), '--weights', 'none'],
    code: 3,
    says: /the folder holds no picture/,
  },
]

/** On a busy machine a run would save a checkpoint before it fails, and keep its folder. */
const NEVER = ['--checkpoint-seconds', '1000']

const networks: readonly Case[] = [
  {
    name: 'an unknown network',
    argv: training('classes', '--network', 'mobilnet'),
    code: 2,
    says: /Unknown network "mobilnet"\. Did you mean "mobilenet"/,
  },
  {
    name: 'an unknown layer',
    argv: training('classes', '--unfreeze-from', 'conv_pw11'),
    code: 2,
    says: /Unknown layer "conv_pw11"\. Did you mean .*conv_pw_11/,
  },
  {
    name: 'a wrong size',
    argv: training('classes', '--size', '8'),
    code: 2,
    says: /found 8, expected a whole number of at least 32 pixels/,
  },
  {
    name: 'a width of another network',
    argv: training('classes', '--network', 'vgg16'),
    code: 2,
    says: /found 0\.25, but only mobilenet has a width/,
  },
  {
    name: 'a width without released weights',
    argv: training('classes', '--weights', 'imagenet', '--alpha', '0.3', '--size', '224'),
    code: 2,
    says: /alpha.*0\.3/,
  },
  {
    name: 'no network',
    argv: training('classes', '--weights', 'imagenet', '--size', '224'),
    code: 4,
    says: /ROOTSTOCK_OFFLINE.*put mobilenet_2_5_224_tf_no_top\.h5 at .*no-such-home/,
  },
  {
    name: 'no network to predict',
    argv: () => ['predict', 'vgg16', join(odd, 'plain.jpg')],
    code: 4,
    says: /Cannot fetch vgg16_weights.*HTTPS_PROXY/,
  },
  {
    name: 'a flag that a run settles',
    argv: () => ['predict', at('classes'), join(odd, 'plain.jpg'), '--alpha', '1'],
    code: 2,
    says: /Cannot use --alpha with .*classes/,
  },
  {
    name: 'a model that is not there',
    argv: () => ['predict', './nowhere', join(odd, 'plain.jpg')],
    code: 1,
    says: /there is no \.\/nowhere\. Give a folder/,
  },
  {
    name: 'loss that is not finite',
    argv: training('classes', '--unfreeze-from', 'all', '--learning-rate', '1e30', '--batch-size', '2', '--quiet', ...NEVER),
    code: 1,
    says: /the loss became (NaN|Infinity) at batch \d+ of epoch 1,.*Lower the learning rate/,
  },
  {
    name: 'loss on validation that is no number, though that of training was one',
    argv: training(
      'classes',
      '--unfreeze-from',
      'all',
      '--epochs',
      '1',
      '--batch-size',
      '100',
      '--learning-rate',
      '1e36',
      '--quiet',
      '--out',
      at('diverged'),
    ),
    code: 1,
    says: /Training diverged: the loss on validation was NaN after every epoch,.*Lower the learning rate/,
  },
]

const h5 = (name: string): string => `test/fixtures/hdf5/${name}.h5`
const files: readonly (readonly [string, RegExp])[] = [
  ['truncated', /truncated, 8,612 of 17,224 bytes/],
  ['empty', /it is empty, expected an HDF5 file/],
  ['page', /it looks like a web page/],
  ['bomb-dimensions', /claims [\d,]+ bytes, and a file of 1,400 bytes/],
  ['bomb-gzip', /claims 4,398,046,511,104 bytes/],
  ['bomb-contiguous', /claims [\d,]+ bytes/],
  ['external-link', /is an external link .*refused/],
  ['external-storage', /kept in another file \(external raw storage\), which is refused/],
  ['external-storage-absolute', /kept in another file/],
  ['virtual', /is a virtual dataset, which is refused/],
  ['hard-link-loop', /a loop of links/],
]

describe.concurrent('refusals', () => {
  it.each([...photos, ...networks])('$name', async ({ argv, code, says, env }) => {
    expectRefusal(await rootstock(argv(), env), { code, says })
  })

  it.each(files)('the crafted weight file %s.h5', async (name, says) => {
    const result = await rootstock(['weights', h5(name), '--network', 'mobilenet', '--alpha', '0.25'])
    expectRefusal(result, { code: 4, says })
    expect(result.stderr).toContain(`${name}.h5`)
  })

  it('weights of another network are listed tensor by tensor', async () => {
    const result = await rootstock(['weights', h5('keras2'), '--network', 'mobilenet'])
    expectRefusal(result, { code: 4, says: /keras2\.h5 does not fit mobilenet: \d+ of \d+ tensors differ, the first is/ })
    expect(result.stdout).toMatch(/^ {2}bad {2}conv1\/kernel .* is not in the file$|^ {2}bad {2}conv1\/kernel has shape/m)
  })

  it('training with weights of another network is refused', async () => {
    const result = await rootstock(['train', at('classes'), '--alpha', '0.25', '--weights', h5('keras2'), '--out', refused()])
    expectRefusal(result, { code: 4, says: /Cannot load .*keras2\.h5 into mobilenet: \d+ of \d+ tensors do not fit/ })
  })

  it('a mirror that cannot be reached says where a file could be put', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const env = {
      ROOTSTOCK_OFFLINE: '',
      ROOTSTOCK_MIRROR: `http://127.0.0.1:${port}`,
      HTTPS_PROXY: `http://127.0.0.1:${port}`,
      ROOTSTOCK_HOME: at('home'),
    }
    const result = await rootstock(['predict', 'mobilenet', join(odd, 'plain.jpg')], env)
    expectRefusal(result, { code: 4, says: /Cannot download mobilenet_1_0_224_tf\.h5: .*refused.*put mobilenet_1_0_224_tf\.h5 at .*home/ })
  })
})

it('refused commands leave nothing behind', () => {
  expect(readdirSync(scratch).filter((name) => name.startsWith('refused'))).toEqual([])
  expect(readdirSync(at('photos'))).toHaveLength(12)
})

describe('damaged pictures beside others', () => {
  it('train lists all of them with their reasons where they are too many', async () => {
    const { code, stdout, stderr } = await rootstock(training('broken')())
    expect(code).toBe(3)
    expect(stdout).toBe('')
    for (const name of damaged) expect(stderr.match(new RegExp(`^not used: .*${name}: \\S+`, 'gm')), name).toHaveLength(2)
    expect(stderr).toMatch(
      /^rootstock: Cannot use the photos: 8 of 8 pictures are unusable, at most 20 % are accepted; the first is .*empty\.jpg/m,
    )
    expect(existsSync(at(`refused-${refusals}`))).toBe(false)
  })

  it.each([2, 4])('train stops above a fifth of them only: %i of 16', async (count) => {
    const folder = at(`with-${count}`)
    cpSync(at('classes'), folder, { recursive: true })
    for (const file of damaged.slice(0, count)) cpSync(join(odd, file), join(folder, 'cat', file))
    const run = `${folder}-run`
    const { code, json, stderr } = await rootstockJson(['train', folder, ...SMALL, '--epochs', '1', '--out', run])
    for (const file of damaged.slice(0, count)) expect(stderr.match(new RegExp(`^not used: .*${file}: \\S+`, 'gm')), file).toHaveLength(1)
    if (count === 4) {
      expect(code).toBe(3)
      expect(json).toMatchObject({ error: { code: 'DATA' } })
      return
    }
    expect(code, stderr).toBe(0)
    const listed = damaged
      .slice(0, count)
      .map((file) => ({ path: join(folder, 'cat', file), reason: expect.stringMatching(/\w/) as string }))
    expect(json['unusable']).toEqual(listed)
    const kept = JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')) as { report: { unusable: object[] } }
    expect(kept.report.unusable).toEqual(listed)
    for (const file of damaged.slice(0, count)) expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain(file)
  })

  it('predict names them with their reasons and goes on', async () => {
    const { code, json, stderr } = await rootstockJson(['predict', 'mobilenet', odd, '--weights', 'none', '--alpha', '0.25', '--top', '2'])
    const { predictions, unusable } = json as {
      predictions: { file: string; top: object[] }[]
      unusable: { file: string; reason: string }[]
    }
    expect(code).toBe(0)
    expect(unusable.map(({ file }) => file)).toEqual(damaged.map((name) => join(odd, name)))
    expect(predictions).toHaveLength(readdirSync(odd).length - damaged.length)
    expect(predictions.every(({ top }) => top.length === 2)).toBe(true)
    for (const name of damaged) expect(stderr).toMatch(new RegExp(`^not used: .*${name}: `, 'm'))
    expect(stderr).toMatch(/\n4 of 25 pictures could not be used\n$/)
  })

  it('predict refuses where none can be used', async () => {
    const { code, json, stderr } = await rootstockJson([
      'predict',
      'mobilenet',
      join(odd, 'text.png'),
      at('missing.jpg'),
      '--weights',
      'none',
      '--alpha',
      '0.25',
    ])
    expect(code).toBe(3)
    expect(json).toMatchObject({ predictions: [], unusable: [{}, {}], error: { code: 'IMAGE' } })
    expect(stderr).toMatch(/rootstock: None of 2 pictures can be used; the first is .*text\.png/)
  })
})

/** Mounts 96 kilobytes, or says why it cannot. */
function tinyDisk(folder: string): string | undefined {
  try {
    mkdirSync(folder)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96k', 'tmpfs', folder], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'needs the right to mount a small disk'
  }
}

describe('no space left', () => {
  const disk = at('disk')
  const problem = process.getuid?.() === 0 ? tinyDisk(disk) : 'needs root, who may mount a small disk'

  it.skipIf(problem !== undefined)(`train and prepare say so (${problem ?? 'on a disk of 96 kB'})`, async () => {
    try {
      const trained = await rootstock(['train', at('classes'), ...SMALL, '--epochs', '1', '--out', join(disk, 'run'), '--quiet'])
      expectRefusal(trained, { code: 1, says: /Cannot write .*best\.weights\.h5: no space is left.*bytes are needed/ })
      expect(existsSync(join(disk, 'run'))).toBe(false)
      writeFileSync(join(disk, 'filler'), Buffer.alloc(80_000))
      const prepared = await rootstock(['prepare', at('photos'), join(disk, 'data'), '--quiet'])
      expectRefusal(prepared, { code: 1, says: /no space is left/ })
      expect(readdirSync(disk).filter((name) => name.includes('data'))).toEqual([])
    } finally {
      execFileSync('umount', [disk])
    }
  })
})
