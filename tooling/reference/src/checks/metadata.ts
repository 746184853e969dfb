import { type Check, type CheckedCall, textOf, withoutNul } from './check.ts';

const produced = (metadata: object) => ({ items: [{ utf8: 'a', metadata }] });

/** The checks of the metadata of produced items. */
export const METADATA_STEPS: CheckedCall['steps'] = [
  {
    when: 'a key of `metadata` is empty',
    text: 'metadata is invalid; a key cannot be empty',
    broken: produced({ '': 'a' }),
  },
  {
    when: 'a key of `metadata` has more than 128 bytes',
    text: "metadata is invalid; key '<key>' cannot be greater than '128' characters",
    reason: 'too_large',
    broken: produced({ [textOf(129)]: 'a' }),
  },
  {
    when: 'the keys and values of `metadata` have more than 4,096 bytes',
    text: "metadata is invalid; keys and values together cannot be greater than '4096' characters",
    reason: 'too_large',
    broken: produced({ a: textOf(4_096) }),
  },
  withoutNul('metadata', produced({ a: '\0' })),
];

/** The checks of the errors of a retry. */
export const ERROR_STEPS: CheckedCall['steps'] = [
  {
    when: '`error` has more than 2,048 bytes',
    text: "error is invalid; cannot be greater than '2048' characters",
    reason: 'too_large',
    broken: { items: [{ id: 'a', error: textOf(2_049) }] },
  },
  withoutNul('error', { items: [{ id: 'a', error: '\0' }] }),
];

/** The answer if details would be lost, or cannot be told. */
export function needsMetadata(what: string): Check {
  return {
    when: `${what}, and a partition of the queue [keeps no metadata](../metadata.md#where-it-is-kept)`,
    text: 'metadata is not available; <why, and what an operator can do>',
    reason: 'unavailable',
    code: 'retry',
  };
}

/** The answer beside a server that would lose details. */
export function needsNewServers(what: string): Check {
  return {
    when: `${what}, and a server of an earlier version runs on the same storage`,
    text: "'metadata' is unavailable; stop or upgrade the server <name>",
    reason: 'unavailable',
    code: 'retry',
  };
}
