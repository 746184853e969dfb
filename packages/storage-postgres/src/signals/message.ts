import { createHash } from 'node:crypto';

/** A message to the other processes. */
export type Message =
  /** The process has begun to listen, and asks who else does. */
  | { readonly kind: 'hello'; readonly from: string; readonly marked: boolean }
  /** The process is still running. */
  | { readonly kind: 'beat'; readonly from: string; readonly marked: boolean }
  /** Something happened to these topics. */
  | { readonly kind: 'topics'; readonly from: string; readonly topics: readonly string[] };

/** The length of a process's name. */
export const NAME_LENGTH = 8;
/** The length of a topic's code. */
const TOPIC_LENGTH = 12;
const TOPIC_BYTES = 9;
/** PostgreSQL limits a notification to less than 8,000 bytes. */
export const TOPICS_PER_MESSAGE = Math.floor((7_999 - 1 - NAME_LENGTH) / TOPIC_LENGTH);

/**
 * Follows the name in a hello and a beat. Processes without it are of a version that
 * keeps no record of itself; see core's `InstanceStore`. They ignore the mark.
 */
const MARK = '+';

const KINDS = { h: 'hello', b: 'beat', t: 'topics' } as const;

/**
 * A short code of fixed length. Two topics with the same code sometimes wake each
 * other's subscribers without need.
 */
export function topicCode(topic: string): string {
  return createHash('sha256').update(topic).digest().subarray(0, TOPIC_BYTES).toString('base64url');
}

/** A message as the payload of a notification. `topics` are codes. */
export function encode(message: Message): string {
  const rest = message.kind === 'topics' ? message.topics.join('') : message.marked ? MARK : '';
  return `${message.kind[0]}${message.from}${rest}`;
}

/** The message of a payload. Undefined if it is not one of ours. */
export function decode(payload: string): Message | undefined {
  const kind = KINDS[payload[0] as keyof typeof KINDS];
  const from = payload.slice(1, 1 + NAME_LENGTH);
  if (kind === undefined || from.length < NAME_LENGTH) return undefined;
  if (kind !== 'topics') return { kind, from, marked: payload[1 + NAME_LENGTH] === MARK };
  const topics: string[] = [];
  for (let at = 1 + NAME_LENGTH; at + TOPIC_LENGTH <= payload.length; at += TOPIC_LENGTH) {
    topics.push(payload.slice(at, at + TOPIC_LENGTH));
  }
  return { kind, from, topics };
}
