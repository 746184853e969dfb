import {
  addDuration,
  type CarriedKey,
  checkText,
  errorText,
  type Instant,
  invalid,
  isLongerThan,
  LIMITS,
  LONGEST_DEDUP_WINDOW,
} from '@querator/core';

/** A dedup key of an import. */
export interface GivenKey {
  readonly key: string;
  readonly ids: readonly string[];
  /** The end of its window. Undefined: none was given. */
  readonly endsAt: Instant | undefined;
}

/** An id as every storage makes them: a number of 63 bits, and a random end. */
const ITEM_ID = /^0([0-7][0-9a-f]{15})[0-9A-Za-z]{10}$/;

/**
 * Checks the dedup keys of an import.
 *
 * @param now by the clock of this process. No key lasts longer than the longest window from then.
 * @throws QueueError `invalid`.
 */
export function checkCarriedKeys(keys: readonly GivenKey[], now: Instant): readonly CarriedKey[] {
  if (keys.length > LIMITS.carriedKeys) {
    throw invalid(
      errorText`dedup_keys is invalid; max number of dedup_keys is ${LIMITS.carriedKeys} but received ${keys.length}`,
      'too_large',
    );
  }
  const latest = addDuration(now, LONGEST_DEDUP_WINDOW);
  const seen = new Set<string>();
  return keys.map(({ key, ids, endsAt }, n) => {
    checkKey(key, n);
    if (seen.has(key)) throw invalid(errorText`dedup_keys is invalid; the key '${key}' appears twice`);
    seen.add(key);
    checkIds(key, ids);
    if (endsAt === undefined) throw invalid(errorText`ends_at is required; the key '${key}' has none`);
    const isTooLate = endsAt > latest;
    return { key, ids, endsAt: isTooLate ? latest : endsAt };
  });
}

function checkKey(key: string, n: number): void {
  if (key === '') throw invalid(errorText`key is required; number '${n}' of dedup_keys has none`);
  if (isLongerThan(key, LIMITS.dedupKey)) {
    throw invalid(
      errorText`key is invalid; cannot be greater than '${LIMITS.dedupKey}' characters`,
      'too_large',
    );
  }
  checkText('key', key);
}

function checkIds(key: string, ids: readonly string[]): void {
  if (ids.length === 0) throw invalid(errorText`ids is required; the key '${key}' has none`);
  if (ids.length > LIMITS.keyedImportBatch) {
    throw invalid(
      errorText`ids is invalid; a key has at most ${LIMITS.keyedImportBatch} but the key '${key}' has ${ids.length}`,
      'too_large',
    );
  }
  const first = numberOf(ids[0]);
  for (const [n, id] of ids.entries()) {
    if (first !== undefined && numberOf(id) === first + BigInt(n)) continue;
    throw invalid(
      errorText`ids is invalid; expected the ids of the key '${key}' as an export shows them, not '${id}'`,
    );
  }
}

function numberOf(id: string | undefined): bigint | undefined {
  const digits = ITEM_ID.exec(id ?? '')?.[1];
  return digits === undefined ? undefined : BigInt(`0x${digits}`);
}
