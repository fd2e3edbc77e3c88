/** @file Whether the user forbids the network. */

/** ROOTSTOCK_OFFLINE is set to anything but 0, false or no. */
export function isOffline(environment: Readonly<Record<string, string | undefined>>): boolean {
  return !['', '0', 'false', 'no'].includes(environment['ROOTSTOCK_OFFLINE']?.toLowerCase() ?? '')
}
