import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { queueEndpoints } from '@querator/protocol';
import { Hono } from 'hono';
import pg from 'pg';
import { answerOrders } from '../processes/answer-orders.ts';
import { BYTEA_OID, binaryArray, TEXT_OID } from '../raw/binary-array.ts';
import { rawItemIds } from '../raw/raw-item-ids.ts';
import { rawStatements } from '../raw/statements.ts';
import { payloadsOf } from './payloads-of.ts';

/** Statements in flight. While the database runs one, the server decodes the requests of the other. */
const STATEMENTS = 2;
/** A reply with code 200. */
const SUCCESS = Buffer.from([0x08, 0xc8, 0x01]);

/** The table of the items. */
export interface BareServerOptions {
  readonly connectionString: string;
  readonly table: string;
  readonly firstId: number;
}

interface Waiting {
  readonly payloads: readonly Buffer[];
  readonly stored: () => void;
}

const commands = {
  /** @returns the port. */
  async start(options: BareServerOptions): Promise<number> {
    const produce = await storing(options);
    const app = new Hono();
    app.post(queueEndpoints.produce.path, async (c) => {
      await produce(payloadsOf(Buffer.from(await c.req.arrayBuffer())));
      return c.body(SUCCESS, 200, { 'Content-Type': 'application/protobuf' });
    });
    const server = createAdaptorServer({ fetch: app.fetch }) as Server;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },
};

/** Requests that arrive while all connections are busy share the next statement. */
async function storing({ connectionString, table, firstId }: BareServerOptions) {
  const statement = rawStatements(`"${table}"`).produce;
  const newIds = rawItemIds(firstId);
  const free: pg.Client[] = [];
  for (let n = 0; n < STATEMENTS; n++) {
    const client = new pg.Client({ connectionString, application_name: 'querator-bench-bare-server' });
    await client.connect();
    free.push(client);
  }
  let waiting: Waiting[] = [];
  const send = async () => {
    const client = waiting.length > 0 ? free.pop() : undefined;
    if (client === undefined) return;
    const batch = waiting;
    waiting = [];
    const payloads = batch.flatMap((each) => each.payloads);
    const values = [binaryArray(TEXT_OID, newIds(payloads.length)), binaryArray(BYTEA_OID, payloads)];
    await client.query({ name: 'produce', text: statement, values });
    for (const { stored } of batch) stored();
    free.push(client);
    await send();
  };
  return (payloads: readonly Buffer[]) =>
    new Promise<void>((stored) => {
      waiting.push({ payloads, stored });
      // Requests that arrive in one turn of the event loop share a statement.
      setImmediate(send);
    });
}

/** The commands of the bare server. */
export type BareServerCommands = typeof commands;

answerOrders(commands);
