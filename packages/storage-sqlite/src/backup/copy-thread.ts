import { Worker } from 'node:worker_threads';
import { StorageError } from '@querator/core';
import { isSource, NODE_OPTIONS } from '../database/thread-program.ts';
import type { CopyOrder } from './copy-file.ts';

const PROGRAM = isSource
  ? new URL('./copy-program.ts', import.meta.url)
  : new URL('./copy-program.js', import.meta.url);

/**
 * Copies a file in a thread of its own, so that this one can be interrupted.
 *
 * @throws StorageError; the reason of the signal, once the thread has ended.
 */
export function copyInThread(order: CopyOrder, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker(PROGRAM, { workerData: order, execArgv: [...NODE_OPTIONS] });
  const interrupt = () => void worker.terminate();
  signal?.addEventListener('abort', interrupt, { once: true });
  worker.on('message', (message: string) => {
    if (message === '') resolve();
    else reject(new StorageError(message, { outcome: 'not-applied' }));
  });
  worker.on('error', reject);
  // After a message or an error it has no effect.
  worker.on('exit', (code) => {
    const isInterrupted = signal?.aborted === true;
    reject(isInterrupted ? signal.reason : new Error(`the thread of the copy ended with code ${code}`));
  });
  return promise.finally(() => signal?.removeEventListener('abort', interrupt));
}
