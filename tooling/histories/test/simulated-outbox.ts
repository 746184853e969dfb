interface Row {
  readonly item: string;
  isCommitted: boolean;
}

/** The rows of an outbox. They have their places before their transactions commit. */
export class SimulatedOutbox {
  #rows: Row[] = [];

  /** Whether no row waits to be moved. */
  get isEmpty(): boolean {
    return this.#rows.length === 0;
  }

  write(items: readonly string[]): readonly Row[] {
    const rows = items.map((item) => ({ item, isCommitted: false }));
    this.#rows.push(...rows);
    return rows;
  }

  commit(rows: readonly Row[]): void {
    for (const row of rows) row.isCommitted = true;
  }

  rollBack(rows: readonly Row[]): void {
    this.#rows = this.#rows.filter((row) => !rows.includes(row));
  }

  /** Takes the first committed rows. */
  take(limit: number): readonly string[] {
    const taken = this.#rows.filter(({ isCommitted }) => isCommitted).slice(0, limit);
    this.#rows = this.#rows.filter((row) => !taken.includes(row));
    return taken.map(({ item }) => item);
  }
}
