import type pg from 'pg';
import type { Held, Target } from '../workload/work.ts';
import { BYTEA_OID, binaryArray, TEXT_OID } from './binary-array.ts';
import { rawItemIds } from './raw-item-ids.ts';
import { type RawStatements, rawStatements } from './statements.ts';

/** The ids of leased items, as the parameter of a complete. */
export interface RawHeld extends Held {
  readonly ids: string;
}

/** One client, since a connection has one statement in flight. */
export class RawTarget implements Target<RawHeld> {
  readonly #client: pg.Client;
  readonly #statements: RawStatements;
  readonly #batch: number;
  readonly #payloads: Buffer;
  readonly #newIds: (count: number) => readonly Buffer[];

  constructor(client: pg.Client, options: RawTargetOptions) {
    this.#client = client;
    this.#statements = rawStatements(`"${options.table}"`);
    this.#batch = options.batch;
    const payload = Buffer.alloc(options.payloadBytes, 97);
    // Made before the measurement, like the payloads of HTTP requests.
    this.#payloads = binaryArray(
      BYTEA_OID,
      Array.from({ length: options.batch }, () => payload),
    );
    this.#newIds = rawItemIds(options.firstId);
  }

  async produce(): Promise<void> {
    const values = [binaryArray(TEXT_OID, this.#newIds(this.#batch)), this.#payloads];
    const { rowCount } = await this.#client.query({
      name: 'raw-produce',
      text: this.#statements.produce,
      values,
    });
    if (rowCount !== this.#batch) throw new Error(`${rowCount} items stored instead of ${this.#batch}`);
  }

  async lease(): Promise<RawHeld | undefined> {
    const { rows } = await this.#client.query<[string]>({
      name: 'raw-lease',
      text: this.#statements.lease,
      values: [this.#batch],
      rowMode: 'array',
    });
    if (rows.length === 0) return undefined;
    return this.#held(rows.map(([id]) => id));
  }

  async complete(_: number, { ids, count }: RawHeld): Promise<void> {
    const { rowCount } = await this.#client.query({
      name: 'raw-complete',
      text: this.#batch === 1 ? this.#statements.completeOne : this.#statements.complete,
      values: [ids],
      rowMode: 'array',
    });
    if (rowCount !== count) throw new Error(`${rowCount} items completed instead of ${count}`);
  }

  hold(_: number, ids: readonly string[]): RawHeld {
    return this.#held(ids);
  }

  #held(ids: readonly string[]): RawHeld {
    const [id = ''] = ids;
    return { count: ids.length, ids: this.#batch === 1 ? id : `{${ids.join(',')}}` };
  }

  async bare(): Promise<void> {
    await this.#client.query({ name: 'raw-bare', text: 'SELECT 1' });
  }
}

/** The table, and the content of its items. */
export interface RawTargetOptions {
  readonly table: string;
  readonly batch: number;
  readonly payloadBytes: number;
  /** The number of the first new id. */
  readonly firstId: number;
}
