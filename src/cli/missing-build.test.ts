/** @file Machine code that is not there is told in one line, whichever package lacks it. */
import { describe, expect, it } from 'vitest'
import { RootstockError } from '../errors.ts'
import { withMissingBuild } from './missing-build.ts'

/** As the packages said it where a folder node_modules for Linux on arm64 was used on x64. */
const SAID: Readonly<Record<string, string>> = {
  sharp:
    'Could not load the "sharp" module using the linux-x64 runtime\nPossible solutions:\n- Ensure optional dependencies can be installed',
  lmdb: 'No native build was found for platform=linux arch=x64 runtime=node abi=115 uv=1 libc=glibc node=20.20.2',
  'onnxruntime-node': "Cannot find module '../bin/napi-v6/linux/ppc64/onnxruntime_binding.node'\nRequire stack:\n- /dist/binding.js",
  '@resvg/resvg-js': "Cannot find module '@resvg/resvg-js-linux-x64-gnu'\nRequire stack:\n- /js-binding.js",
}

describe('withMissingBuild', () => {
  it.each(Object.entries(SAID))('says what to do where %s has no machine code for this system', (name, message) => {
    const error = withMissingBuild(new Error(message)) as RootstockError
    expect(error).toBeInstanceOf(RootstockError)
    expect(error).toMatchObject({ code: 'ENGINE', hint: expect.stringContaining('npm ci') as string })
    expect(error.message).toBe(
      `Cannot load ${name}: found no build of it for ${process.platform} ${process.arch}, expected the one that npm installs there`,
    )
  })

  it('names the package whose library does not fit the system', () => {
    const path = '/app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/onnxruntime_binding.node'
    const message = `Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by ${path})`
    const error = withMissingBuild(Object.assign(new Error(message), { code: 'ERR_DLOPEN_FAILED' })) as RootstockError
    expect(error.message).toBe(`Cannot load onnxruntime-node: ${message}`)
    expect(error).toMatchObject({ code: 'ENGINE', hint: expect.stringContaining('Alpine') as string })
  })

  it.each([new Error("Cannot find module 'express'"), new RootstockError('DATA', 'No native build was found'), 'x', undefined])(
    'leaves anything else as it is: %s',
    (error) => expect(withMissingBuild(error)).toBe(error),
  )
})
