/** @file Flags of the commands that read a folder of photos. */
import { toggle } from './flag-values.ts'

export const followLinks = toggle('Follow links that lead out of FOLDER, as in the folders of prepare --link symlink, and links to folders')
