import type { Outcome } from './history.ts';
import type { OutboxCalls, Transaction } from './outbox-calls.ts';
import type { Recorder } from './recorder.ts';

/** The caller's database, in the place of a server. */
const CALLERS_DATABASE = -1;

/** One client's transactions on its own database, each recorded as a produce. */
export class RecordedTransactions {
  readonly #recorder: Recorder;
  readonly #client: string;
  readonly #calls: OutboxCalls;

  constructor(recorder: Recorder, client: string, calls: OutboxCalls) {
    this.#recorder = recorder;
    this.#client = client;
    this.#calls = calls;
  }

  run(transaction: Transaction): Promise<Outcome> {
    const told = { call: 'produce' as const, outbox: true as const, items: transaction.calls.flat() };
    return this.#recorder.record(
      { client: this.#client, instance: CALLERS_DATABASE },
      () => this.#calls.run(transaction),
      () => told,
    );
  }

  close(): void {
    this.#calls.close();
  }
}
