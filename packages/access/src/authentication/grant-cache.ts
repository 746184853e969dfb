import type { Instant, PreviousSecret } from '@querator/core';
import type { GrantedCaller } from '../authorization/permission-check.ts';

/** Credentials that were found in the store, as long as the generation stays. */
export interface CachedGrant {
  readonly generation: number;
  readonly caller: GrantedCaller;
  /** The end of the key; for the earlier secret of a rotated key, the end of its grace. Undefined: never. */
  readonly expiresAt: Instant | undefined;
  /** Whether the key was used since its last use was stored. */
  used: boolean;
}

/** Credentials that are remembered. Beyond, the one that came first is looked up again. */
const MOST_ENTRIES = 10_000;

/** Grants by credential. Entries of an old generation are replaced when their credential comes again. */
export class GrantCache {
  readonly #entries = new Map<string, CachedGrant>();

  get(credential: string): CachedGrant | undefined {
    return this.#entries.get(credential);
  }

  set(credential: string, entry: CachedGrant): void {
    const replaced = this.#entries.get(credential);
    if (replaced !== undefined) {
      entry.used ||= replaced.used;
    } else if (this.#entries.size >= MOST_ENTRIES) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(credential, entry);
  }

  delete(credential: string): void {
    this.#entries.delete(credential);
  }

  /** The keys that were used since the last call. */
  takeUsed(): string[] {
    const keyIds = new Set<string>();
    for (const entry of this.#entries.values()) {
      const { keyId } = entry.caller.principal;
      if (entry.used && keyId !== undefined) keyIds.add(keyId);
      entry.used = false;
    }
    return [...keyIds];
  }
}

/** When a secret ends: that of the key, or the earlier one of a rotated key. */
export function endOfSecret(
  hash: string,
  key: { readonly expiresAt: Instant | undefined; readonly previous: PreviousSecret | undefined },
): Instant | undefined {
  const { expiresAt, previous } = key;
  if (previous?.hash !== hash) return expiresAt;
  return expiresAt === undefined || previous.validUntil < expiresAt ? previous.validUntil : expiresAt;
}
