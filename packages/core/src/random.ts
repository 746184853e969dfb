/** Where chance comes from: unguessable item ids, and jitter. Injected, so that tests repeat. */
export interface Random {
  /**
   * So many characters of `0-9A-Za-z`, each with equal probability. What the
   * system's implementation gives is fit for secrets.
   */
  base62(length: number): string;

  /** A number in [0, 1), fit for jitter only. */
  fraction(): number;
}
