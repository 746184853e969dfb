import { once } from 'node:events';
import pg from 'pg';

/**
 * Streams from a server like a standby, and sends the feedback of one whose queries
 * keep dead rows. Applies nothing.
 */
export class StandInStandby {
  readonly #client: pg.Client;
  readonly #streaming: Promise<unknown>;

  private constructor(client: pg.Client, streaming: Promise<unknown>) {
    this.#client = client;
    this.#streaming = streaming;
  }

  /** @param slot the replication slot to stream through. Undefined: none. */
  static async start(connectionString: string, name: string, slot?: string): Promise<StandInStandby> {
    const url = new URL(connectionString);
    url.searchParams.set('replication', 'true');
    const client = new pg.Client({ connectionString: url.href, application_name: name });
    await client.connect();
    const { rows } = await client.query('IDENTIFY_SYSTEM');
    const begun = once(client.connection, 'replicationStart');
    const through = slot === undefined ? '' : `SLOT ${slot} `;
    // Has no answer until the stream ends, and then one in the protocol of streams.
    const streaming = client.query(`START_REPLICATION ${through}PHYSICAL ${rows[0].xlogpos}`).catch(() => {});
    await begun;
    return new StandInStandby(client, streaming);
  }

  /**
   * Sends "hot standby feedback": the oldest transactions that queries there need, for
   * tables and for the catalogue.
   *
   * @param xmin with its epoch, as `txid_current()` returns it.
   */
  needs(xmin: bigint, catalogXmin: bigint): void {
    const message = Buffer.alloc(30);
    message.write('d', 0);
    message.writeInt32BE(message.length - 1, 1);
    message.write('h', 5);
    // The time at which it was sent. The server only passes it on.
    message.writeBigInt64BE(0n, 6);
    message.writeBigUInt64BE(inFeedback(xmin), 14);
    message.writeBigUInt64BE(inFeedback(catalogXmin), 22);
    this.#client.connection.stream.write(message);
  }

  async end(): Promise<void> {
    await this.#client.end();
    await this.#streaming;
  }
}

/** The number first, then the epoch. */
function inFeedback(transaction: bigint): bigint {
  return (BigInt.asUintN(32, transaction) << 32n) | (transaction >> 32n);
}
