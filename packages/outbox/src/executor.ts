/** A row of a result. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * Anything that runs SQL on a database in a transaction of the caller. The adapters
 * make one of the transaction object of a library.
 */
export interface Executor {
  /**
   * Runs one statement in the transaction.
   *
   * @param text with the placeholders `$1`, `$2`, each once and in this order.
   * @param parameters texts, one per placeholder.
   * @returns its rows.
   */
  query(text: string, parameters: readonly string[]): Promise<readonly Row[]>;
}
