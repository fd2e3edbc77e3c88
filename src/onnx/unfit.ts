/** @file Why ONNX bytes cannot be read; `readOnnxGraph` adds which file it is. */

/** Its message ends the sentence "Cannot read FILE: …". */
export class Unfit extends Error {}
