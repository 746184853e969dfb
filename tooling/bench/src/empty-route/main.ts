import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { answerOrders } from '../processes/answer-orders.ts';

// The cheapest reply of Hono: its text is sent with the head.
const app = new Hono();
app.post('/', (c) => c.text('ok'));

const server = createAdaptorServer({ fetch: app.fetch }) as Server;
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const commands = {
  /** @returns the port. */
  async port(_: null): Promise<number> {
    return (server.address() as AddressInfo).port;
  },
};

/** The commands of the empty server. */
export type EmptyRouteCommands = typeof commands;

answerOrders(commands);
