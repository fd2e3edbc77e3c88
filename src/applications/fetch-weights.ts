/** @file Finds a released weight file: in the folders of the user, in the cache that Keras shares, or at its official addresses. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { cacheFolder, download, isOffline, verifyFile, type DownloadProgress, type FileVerdict, type NetworkRules } from '../files/index.ts'
import { releaseHosts, type Release } from './releases.ts'

/** Options of `fetchWeights`. */
export interface FetchWeightsOptions {
  /** A folder of weight files that is searched first. */
  readonly offlineFolder?: string | undefined
  /** Told how far a download is, at most ten times a second. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined
  /** Stops a download; the next call goes on where it stopped. */
  readonly signal?: AbortSignal | undefined
  /** ROOTSTOCK_WEIGHTS, _MIRROR, _OFFLINE and _HOME are read from here; the process's own by default. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** How names are looked up and how long connections may take. */
  readonly network?: Pick<NetworkRules, 'resolve' | 'connectMs' | 'idleMs'> | undefined
}

/** A weight file on this machine. */
export interface FetchedWeights {
  /** Where the file lies. */
  readonly path: string
  /** The older file of the same name (ResNet50 only): its layers have other names and another order. */
  readonly legacy: boolean
}

const hdf5 = { name: 'HDF5', signature: Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a), sizeIn: sizeOfHdf5 }

/**
 * The path of a released file. Searched in order: `offlineFolder`, the folder ROOTSTOCK_WEIGHTS, the cache folder, the mirror
 * ROOTSTOCK_MIRROR (an address in front of `release.path`), the official addresses. ROOTSTOCK_OFFLINE=1 forbids the last two. Throws
 * WEIGHTS for a file with another hash where it may not be replaced, NETWORK when no address gives the file, CANCELED, FILE.
 */
export async function fetchWeights(release: Release, options: FetchWeightsOptions = {}): Promise<FetchedWeights> {
  const { environment = process.env } = options
  for (const folder of [options.offlineFolder, environment['ROOTSTOCK_WEIGHTS']]) {
    const path = folder ? join(folder, release.file) : ''
    if (existsSync(path)) return checked(path, release)
  }
  const target = join(cacheFolder({ environment }), release.file)
  if (isOffline(environment)) {
    if (existsSync(target)) return checked(target, release)
    throw new RootstockError('NETWORK', `Cannot fetch ${release.file}: it is not in the cache, and ROOTSTOCK_OFFLINE forbids the network`, {
      hint: byHand(release, target),
    })
  }
  return fetched(release, target, options)
}

/** Whether a file is the released one, as far as its first bytes and the published hash tell. Throws FILE where it cannot be read. */
export function verifyRelease(path: string, release: Release): Promise<FileVerdict> {
  return verifyFile(path, { hashes: hashesOf(release), format: hdf5 })
}

/** Takes a file as it is, or says what is wrong with it. */
async function checked(path: string, release: Release): Promise<FetchedWeights> {
  const verdict = await verifyRelease(path, release)
  if (verdict.ok) return { path, legacy: isLegacy(verdict.hash, release) }
  throw new RootstockError('WEIGHTS', `Cannot use ${path}: ${verdict.problem}`, {
    hint: `The file is damaged or another one; replace it by ${release.urls[0] ?? release.file}`,
  })
}

async function fetched(release: Release, target: string, options: FetchWeightsOptions): Promise<FetchedWeights> {
  const { environment = process.env, onProgress, signal, network } = options
  const mirror = mirrorOf(environment)
  const urls = [...(mirror ? [mirrored(mirror, release)] : []), ...release.urls]
  try {
    const hash = await download(urls, target, {
      ...network,
      allowHosts: releaseHosts,
      trustedOrigins: mirror ? [mirror.origin] : [],
      hashes: hashesOf(release),
      format: hdf5,
      maxBytes: release.maxBytes,
      onProgress,
      signal,
    })
    return { path: target, legacy: isLegacy(hash, release) }
  } catch (error) {
    if (!(error instanceof RootstockError)) throw error
    if (error.code === 'NETWORK') throw new RootstockError('NETWORK', error.message, { hint: byHand(release, target), cause: error })
    if (error.code !== 'FILE' || !error.hint?.includes('folder')) throw error
    throw new RootstockError('FILE', error.message, { hint: `${error.hint}; ROOTSTOCK_HOME names one`, cause: error })
  }
}

/** Where `release` is fetched from first, and what a request there may do. Throws USAGE for a mirror that is no address. */
export function firstAddress(
  release: Release,
  environment: Readonly<Record<string, string | undefined>>,
): {
  /** Of the file on the mirror, where one is set, or else on the server of the release. */
  readonly address: string
  /** They trust the mirror beside the hosts of the releases. */
  readonly rules: NetworkRules
} {
  const mirror = mirrorOf(environment)
  const address = mirror ? mirrored(mirror, release) : (release.urls[0] ?? '')
  return { address, rules: { allowHosts: releaseHosts, trustedOrigins: mirror ? [mirror.origin] : [] } }
}

function mirrored(mirror: URL, { path }: Release): string {
  return `${mirror.href.replace(/\/+$/, '')}/${path}`
}

/** The end-of-file address of the superblock, by its version; undefined where addresses do not have 8 bytes. */
function sizeOfHdf5(head: Uint8Array): number | undefined {
  const version = head[8] ?? 0
  const [widthAt, at] = version === 0 ? [13, 40] : version === 1 ? [13, 44] : [9, 28]
  if (version > 3 || head[widthAt] !== 8) return undefined
  return Number(new DataView(head.buffer, head.byteOffset, head.byteLength).getBigUint64(at, true))
}

function hashesOf({ md5, legacyMd5 }: Release): string[] {
  return [md5, legacyMd5].filter((hash) => hash !== undefined)
}

function isLegacy(hash: string | undefined, { legacyMd5 }: Release): boolean {
  return hash !== undefined && hash === legacyMd5
}

/** The mirror is the choice of whoever set it, so it may be a plain or a private address; a redirect away from it may not. */
function mirrorOf(environment: Readonly<Record<string, string | undefined>>): URL | undefined {
  const text = environment['ROOTSTOCK_MIRROR']
  if (!text) return undefined
  const mirror = URL.canParse(text) ? new URL(text) : undefined
  if (mirror && /^https?:$/.test(mirror.protocol) && mirror.username === '' && mirror.password === '') return mirror
  throw new RootstockError('USAGE', 'Cannot use ROOTSTOCK_MIRROR: it is not an http or https address without a password', {
    hint: 'Write it as https://host/folder; the folder holds vgg16/, resnet/ and so on as Keras names them',
  })
}

function byHand(release: Release, target: string): string {
  const places = `put ${release.file} at ${target} or into a folder named by ROOTSTOCK_WEIGHTS`
  return `Check the network, HTTPS_PROXY or ROOTSTOCK_MIRROR; or get ${release.urls[0] ?? 'the file'} elsewhere and ${places}`
}
