import { QueueError } from '@querator/core';

/** The QueueError that a call throws. Fails if it throws nothing or another error. */
export function errorOf(call: () => unknown): QueueError {
  try {
    call();
  } catch (error) {
    if (error instanceof QueueError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

export function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
