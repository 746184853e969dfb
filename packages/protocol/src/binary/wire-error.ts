import { QueueError } from '@querator/core';

/** The bytes are no protobuf message of the type they should be. */
export function malformedWire(cause?: unknown): QueueError {
  return new QueueError('content', 'proto: cannot parse invalid wire-format data', { cause });
}
