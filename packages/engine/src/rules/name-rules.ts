import { invalid, LIMITS } from '@querator/core';

const encoder = new TextEncoder();

/** The length of a text in bytes of UTF-8, the unit of all limits. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Unicode's property White_Space, as the API defines white space; `\s` differs in U+0085 and U+FEFF. */
const WHITE_SPACE = /\p{White_Space}/u;

export function hasWhitespace(text: string): boolean {
  return WHITE_SPACE.test(text);
}

/** Whether the text is empty or only white space. */
export function isBlank(text: string): boolean {
  return /^\p{White_Space}*$/u.test(text);
}

/** The checks that both rules for queue names share. */
function checkCharacters(name: string): void {
  if (name.includes('~')) throw invalid(`queue name is invalid; '${name}' cannot contain '~' character`);
  if (name.includes('\0')) throw invalid('queue name is invalid; cannot contain the character U+0000');
}

/**
 * Checks a name that is only looked up. An invalid name that passes is not found.
 *
 * @throws QueueError `invalid`.
 */
export function checkQueueKnown(name: string): void {
  if (isBlank(name)) throw invalid('queue name is invalid; queue name cannot be empty');
  checkCharacters(name);
}

/**
 * Checks the name of a queue to be created, updated or deleted.
 *
 * @throws QueueError `invalid`.
 */
export function checkQueueName(name: string): void {
  if (byteLength(name) > LIMITS.queueName) {
    throw invalid(`queue name is invalid; cannot be greater than '${LIMITS.queueName}' characters`);
  }
  if (isBlank(name)) throw invalid('queue name is invalid; queue name cannot be empty');
  if (hasWhitespace(name)) throw invalid(`queue name is invalid; '${name}' cannot contain whitespace`);
  checkCharacters(name);
}

/**
 * Checks the name of a namespace.
 *
 * @throws QueueError `invalid`.
 */
export function checkNamespaceName(name: string): void {
  const fault = (text: string) => invalid(`namespace name is invalid; ${text}`);
  if (byteLength(name) > LIMITS.namespaceName) {
    throw fault(`cannot be greater than '${LIMITS.namespaceName}' characters`);
  }
  if (isBlank(name)) throw fault('cannot be empty');
  if (hasWhitespace(name)) throw fault(`'${name}' cannot contain whitespace`);
  if (name.includes('~')) throw fault(`'${name}' cannot contain '~' character`);
  if (name.includes(':')) throw fault(`'${name}' cannot contain ':' character`);
  if (name.includes('\0')) throw fault('cannot contain the character U+0000');
}
