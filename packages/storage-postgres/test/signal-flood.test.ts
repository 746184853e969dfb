import { ManualClock } from '@querator/core/testing';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { encode } from '../src/signals/message.ts';
import { Peers } from '../src/signals/peers.ts';
import { testBackend } from './support/test-backend.ts';

const WAIT_OPTIONS = { timeout: 10_000, interval: 10 };

let database: TestDatabase;
let stranger: pg.Client;
beforeEach(async () => {
  database = await createTestDatabase();
  stranger = new pg.Client(database.connectionString);
  await stranger.connect();
});
afterEach(async () => {
  await stranger.end();
  await database.drop();
});

test('many peers that introduce themselves at once get few replies', async () => {
  const backend = testBackend(database.connectionString);
  const { signals } = backend;
  signals?.subscribe('topic', () => {});
  await vi.waitFor(() => expect(signals?.listening).toBe(true), WAIT_OPTIONS);
  const heard: string[] = [];
  stranger.on('notification', ({ payload = '' }) => void heard.push(payload[0] ?? ''));
  await stranger.query('LISTEN querator');
  const names = Array.from({ length: 500 }, (_, n) => `name${n}`.padEnd(8, '.'));
  const hellos = names.map((from) => `NOTIFY querator, '${encode({ kind: 'hello', from, marked: true })}'`);
  await stranger.query(hellos.join('; '));
  await vi.waitFor(() => expect(heard).toContain('b'), WAIT_OPTIONS);
  signals?.publish('topic');
  await vi.waitFor(() => expect(heard).toContain('t'), WAIT_OPTIONS);
  expect(heard.filter((kind) => kind === 'b').length).toBeLessThan(100);
  await backend.close();
});

test('the number of remembered peers is limited', async () => {
  const clock = new ManualClock();
  const peers = new Peers(clock, 1_000);
  for (let n = 0; n < 1_000; n++) expect(peers.add(`${n}`)).toBe(true);
  expect(peers.add('0')).toBe(false);
  expect(peers.add('1000')).toBe(true);
  // The one that was silent longest was removed for it.
  expect(peers.add('0')).toBe(false);
  expect(peers.add('1')).toBe(true);
  expect(peers.any).toBe(true);
});
