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

/** Grants by credential, of one generation. */
export class GrantCache {
  readonly #entries = new Map<string, CachedGrant>();
  /** Keys of dropped entries that were used since their last use was stored. */
  readonly #droppedUses = new Set<string>();

  /** Keys that were valid when they were last looked up, at most {@link MOST_ENTRIES}. They outlive `clear`. */
  readonly #known = new Set<string>();

  /** Whether a key was valid when it was last looked up. */
  isKnown(credential: string): boolean {
    return this.#known.has(credential);
  }

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
    if (entry.caller.principal.keyId === undefined) return;
    this.#known.delete(credential);
    this.#known.add(credential);
    if (this.#known.size <= MOST_ENTRIES) return;
    const [forgotten] = this.#known;
    if (forgotten !== undefined) this.#known.delete(forgotten);
  }

  delete(credential: string): void {
    this.#known.delete(credential);
    this.#entries.delete(credential);
  }

  /**
   * Drops all entries, when the generation has changed. A store that was restored
   * from a backup comes to the same numbers again.
   */
  clear(): void {
    for (const keyId of this.#takeUsed()) this.#droppedUses.add(keyId);
    this.#entries.clear();
  }

  /** The keys that were used since the last call. */
  takeUsed(): string[] {
    const keyIds = new Set([...this.#droppedUses, ...this.#takeUsed()]);
    this.#droppedUses.clear();
    return [...keyIds];
  }

  *#takeUsed(): Iterable<string> {
    for (const entry of this.#entries.values()) {
      const { keyId } = entry.caller.principal;
      if (entry.used && keyId !== undefined) yield keyId;
      entry.used = false;
    }
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
