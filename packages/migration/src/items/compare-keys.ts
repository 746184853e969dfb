import type { Client } from '@querator/client';
import { addDuration, type Clock, type Instant, LONGEST_DEDUP_WINDOW, parseDuration } from '@querator/core';
import { fromTimestamp, type ItemsDedupKey } from '@querator/protocol';
import type { Work } from '../repeat.ts';
import { type KeysLeftOut, readKeys } from './dedup-keys.ts';
import { hashOfKey, MODULUS } from './item-digest.ts';

/** In microseconds. Windows of at most 14 days end within 20,161 different minutes. */
const MINUTE = 60_000_000n;
/** How far the clocks of a server and of this process may differ. */
const SKEW = parseDuration('5s');

/** The number of some keys, and the sum of their hashes. */
interface Sum {
  count: number;
  hashes: bigint;
}

/**
 * The numbers and digests of dedup keys, by the minute in which their windows end. So the keys of two servers can be
 * compared that were read at different times, and ended meanwhile.
 */
export class KeyDigests {
  readonly #byMinute = new Map<bigint, Sum>();

  add(key: ItemsDedupKey): void {
    const minute = minuteOf(fromTimestamp(key.endsAt ?? { seconds: 0, nanos: 0 }));
    const sum = this.#byMinute.get(minute) ?? { count: 0, hashes: 0n };
    this.#byMinute.set(minute, {
      count: sum.count + 1,
      hashes: (sum.hashes + hashOfKey(key)) % MODULUS,
    });
  }

  /** Those of the keys that end in a minute after that of `from`, and before that of `until`. */
  between(from: Instant, until: Instant): Readonly<Sum> {
    const all: Sum = { count: 0, hashes: 0n };
    for (const [minute, { count, hashes }] of this.#byMinute) {
      if (minute <= minuteOf(from) || minute >= minuteOf(until)) continue;
      all.count += count;
      all.hashes = (all.hashes + hashes) % MODULUS;
    }
    return all;
  }
}

function minuteOf(instant: Instant): bigint {
  return instant / MINUTE;
}

/** What a comparison of dedup keys found. */
export interface ComparedKeys {
  /** How many keys there should be, of those that did not end meanwhile. */
  readonly expected: number;
  /** How many there are. */
  readonly found: number;
  /** Whether they are the same keys, with the same ids and ends. */
  readonly isSame: boolean;
}

export interface CompareKeysOptions extends Work {
  readonly client: Client;
  /** A difference of 5 s to the clocks of the servers does no harm. */
  readonly clock: Clock;
  /** When keys were first stored there. They are shortened to the longest window from then. */
  readonly since: Instant;
}

/** The keys that a server holds of a queue, or why it does not show them. @throws the error of a call. */
export async function digestKeys(
  options: Work & { readonly client: Client },
  queueName: string,
): Promise<KeyDigests | KeysLeftOut> {
  const digests = new KeyDigests();
  let cursor = '';
  do {
    const page = await readKeys(options, queueName, cursor);
    if (typeof page === 'string') return page;
    for (const key of page.keys) digests.add(key);
    cursor = page.cursor;
  } while (cursor !== '');
  return digests;
}

/**
 * Compares the dedup keys that a queue holds with those that it should hold. Keys that end within a minute after it was
 * read do not count: some of them may have ended already.
 *
 * @returns why the server does not show its keys, if it does not.
 * @throws the error of a call.
 */
export async function compareKeys(
  options: CompareKeysOptions,
  queueName: string,
  expected: KeyDigests,
): Promise<ComparedKeys | KeysLeftOut> {
  const found = await digestKeys(options, queueName);
  if (typeof found === 'string') return found;
  const from = addDuration(options.clock.now(), SKEW);
  const until = addDuration(options.since, LONGEST_DEDUP_WINDOW);
  const [wanted, held] = [expected.between(from, until), found.between(from, until)];
  const isSame = wanted.count === held.count && wanted.hashes === held.hashes;
  return { expected: wanted.count, found: held.count, isSame };
}
