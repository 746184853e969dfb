import { QueueError } from '@querator/core';

/** The error for bytes that are not a protobuf message of the expected type. */
export function malformedWire(): QueueError {
  return new QueueError('content', 'proto: cannot parse invalid wire-format data');
}
