/** Source of randomness for item ids and jitter. Injected, so that tests are reproducible. */
export interface Random {
  /**
   * `length` characters of `0-9A-Za-z`, each with equal probability. The system's
   * implementation is fit for secrets.
   */
  base62(length: number): string;

  /** A number in [0, 1), for jitter only. */
  fraction(): number;
}
