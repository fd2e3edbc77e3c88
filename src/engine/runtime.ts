/** @file ONNX Runtime, the only place that loads it. */
import type * as runtime from 'onnxruntime-node'

/** ONNX Runtime. */
export type Runtime = typeof runtime

/**
 * Loads ONNX Runtime. Since version 1.30 it keeps records of its use under ~/.cache/Microsoft and sends them to its makers unless this variable
 * is set, which it reads when it begins. Nothing shall be sent from here that the user did not ask for.
 */
export function loadRuntime(): Promise<Runtime> {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1'
  return import('onnxruntime-node')
}
