import { parentPort, workerData } from 'node:worker_threads';
import { StorageError } from '@querator/core';
import { type CopyOrder, copyFile } from './copy-file.ts';

/* The program of a copy's thread. Its message says why there is no copy; empty: there is one. */
try {
  copyFile(workerData as CopyOrder);
  parentPort?.postMessage('');
} catch (error) {
  if (!(error instanceof StorageError)) throw error;
  parentPort?.postMessage(error.message);
}
