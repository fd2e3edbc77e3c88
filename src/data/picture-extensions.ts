/** @file Which files are pictures, by their names. */

/** Extensions that are read by default: Keras's (bmp, gif, jpeg, jpg, png) and webp, tiff and the rarer spellings of JPEG. */
export const PICTURE_EXTENSIONS: readonly string[] = ['.bmp', '.gif', '.jfif', '.jpe', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp']
