/** @file A process of its own that downloads one file, for the tests that need several or that kill one. */
import { RootstockError } from '../src/errors.ts'
import { download } from '../src/files/download.ts'

const [url = '', target = '', md5 = ''] = process.argv.slice(2)
const options = { allowHosts: [], trustedOrigins: [new URL(url).origin], hashes: [md5], maxBytes: 1e6 }
const result = await download([url], target, options).catch((error: unknown) => {
  if (!(error instanceof RootstockError)) throw error
  return `${error.code} ${error.message} | ${error.hint}`
})
console.log(result)
