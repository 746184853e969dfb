import { setTimeout as delay } from 'node:timers/promises';
import { installSql } from '@querator/outbox';
import { enqueue } from '@querator/outbox/pg';
import type { OutboxCalls, Transaction } from '../history/outbox-calls.ts';
import { CallFailed } from '../history/queue-calls.ts';
import { DirectConnection } from './direct-connection.ts';

const QUEUE = 'q';

/** A database of a caller with an outbox, which servers move to the queue `q`. */
export class OutboxDatabase {
  readonly #connectionString: () => string;

  /** @param connectionString of the server that takes writes now. */
  constructor(connectionString: () => string) {
    this.#connectionString = connectionString;
  }

  /** Makes the outbox. */
  async install(): Promise<void> {
    await DirectConnection.query(this.#connectionString(), installSql());
  }

  /** How many rows wait to be moved. */
  async rows(): Promise<number> {
    const text = 'SELECT count(*)::int AS rows FROM querator_outbox.outbox';
    const [counted] = await DirectConnection.query(this.#connectionString(), text);
    return counted?.['rows'] as number;
  }

  /** The transactions of one more client, on a connection of its own. */
  client(): OutboxCalls {
    return new Transactions(this.#connectionString);
  }
}

class Transactions implements OutboxCalls {
  readonly #connectionString: () => string;
  #connection: DirectConnection | undefined;

  constructor(connectionString: () => string) {
    this.#connectionString = connectionString;
  }

  async run({ calls, pauseMs, rollsBack }: Transaction): Promise<void> {
    let outcome: 'not-done' | 'unknown' = 'not-done';
    try {
      this.#connection ??= await DirectConnection.open(this.#connectionString());
      const { client } = this.#connection;
      await client.query('BEGIN');
      for (const items of calls) {
        await enqueue(
          client,
          QUEUE,
          items.map((payload) => ({ payload })),
        );
        if (pauseMs >= 1) await delay(pauseMs);
      }
      if (!rollsBack) outcome = 'unknown';
      await client.query(rollsBack ? 'ROLLBACK' : 'COMMIT');
    } catch (error) {
      this.close();
      throw new CallFailed(outcome, error instanceof Error ? error.message : String(error), error);
    }
    if (rollsBack) throw new CallFailed('not-done', 'rolled back');
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}
