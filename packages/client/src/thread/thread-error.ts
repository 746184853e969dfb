import { ERROR_CODES, QueueError } from '@querator/core';
import { BrokenReplyError } from '../errors/broken-reply-error.ts';
import { ConnectError } from '../errors/connect-error.ts';
import { ConnectionLostError } from '../errors/connection-lost-error.ts';
import { InfrastructureError } from '../errors/infrastructure-error.ts';
import { ReplyError } from '../errors/reply-error.ts';
import { RequestTimeoutError } from '../errors/request-timeout-error.ts';

/** An error of the thread, as a message can carry it: a copy of an error loses its class. */
export interface ThreadError {
  readonly message: string;
  readonly name: string;
  /** Whether it is a refusal of the server. Its `name` is that of its base class. */
  readonly isReply: boolean;
  /** The other properties, which are texts and numbers. */
  readonly properties: Readonly<Record<string, unknown>>;
}

const CLASSES = [
  BrokenReplyError,
  ConnectError,
  ConnectionLostError,
  InfrastructureError,
  RequestTimeoutError,
] as const;

/** Takes an error apart for a message. */
export function toThreadError(error: unknown): ThreadError {
  if (!(error instanceof Error)) {
    return { message: String(error), name: 'Error', isReply: false, properties: {} };
  }
  const isPlain = (value: unknown) => typeof value === 'string' || typeof value === 'number';
  const properties = Object.fromEntries(Object.entries(error).filter(([, value]) => isPlain(value)));
  return { message: error.message, name: error.name, isReply: error instanceof ReplyError, properties };
}

/** Puts the error together again, with its class. */
export function fromThreadError({ message, name, isReply, properties }: ThreadError): Error {
  const error = Object.assign(new Error(message), properties, { name });
  const found = isReply ? ReplyError : CLASSES.find((each) => each.name === name);
  const code = properties['code'];
  const isQueueError = typeof code === 'string' && code in ERROR_CODES;
  return Object.setPrototypeOf(error, (found ?? (isQueueError ? QueueError : Error)).prototype) as Error;
}
