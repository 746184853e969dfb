import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MESSAGES, QueueError } from '@querator/core';
import { afterAll, describe, expect, test } from 'vitest';
import { loadHistory, saveHistory } from './history-file.ts';
import { outcomeOf } from './outcome-of.ts';
import { CallFailed, type QueueCalls } from './queue-calls.ts';
import { Recorder } from './recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'querator-recorder-'));
afterAll(() => rmSync(folder, { recursive: true }));

const unknown = () => Promise.reject(new CallFailed('unknown', 'connection lost'));
const calls: QueueCalls = {
  produce: async (_, { key }) => (key === undefined ? undefined : { ids: ['id'], duplicate: true }),
  lease: async () => ({
    partition: 3,
    given: [{ item: 'a', id: 'id', attempts: 1, deadlineAt: Date.now() + 5_000 }],
  }),
  complete: unknown,
  retry: async () => {},
  extend: async () => [{ id: 'id', deadlineAt: Date.now() + 5_000 }],
  clear: async () => {},
  size: async () => 0,
};
const count = { instance: 0, process: 1, released: 3 };
const about = { origin: 'test', partitions: 4, leaseTimeoutMs: 5_000, drained: true };

async function recorded() {
  const recorder = new Recorder();
  const client = recorder.client('c', 1, calls);
  await client.produce(['a', 'b']);
  await client.produce(['c'], { delayMs: 400 });
  await client.produce(['d'], { key: 'k' });
  await client.lease(10);
  await client.extend(3, ['id', 'lost'], 5_000);
  await client.complete(3, ['id']);
  await client.retry(3, ['id'], { delayMs: 300 });
  await client.retry(3, ['id'], { dead: true });
  await client.clear(true);
  await recorder.disturb('a cut', async () => {});
  for (const asked of [9, 5]) recorder.counted({ ...count, asked, answered: asked + 1 });
  return recorder.history(about);
}

test('records each call with its times and outcome', async () => {
  const { operations, disturbances, releases } = await recorded();
  expect(operations.map(({ call, outcome }) => `${call} ${outcome}`)).toEqual([
    ...[
      'produce ok',
      'produce ok',
      'produce ok',
      'lease ok',
      'extend ok',
      'complete unknown',
      'retry ok',
      'retry ok',
      'clear ok',
    ],
  ]);
  for (const { invoked, returned } of operations) expect(returned).toBeGreaterThanOrEqual(invoked);
  const [, scheduled, keyed, lease, extend, complete, later, dead] = operations;
  expect(scheduled).toMatchObject({ items: ['c'], notBefore: expect.any(Number) });
  expect(keyed).toMatchObject({ items: ['d'], key: 'k', told: { ids: ['id'], duplicate: true } });
  expect(lease).toMatchObject({ partition: 3, limit: 10, given: [{ item: 'a', id: 'id', attempts: 1 }] });
  // The deadline is on the clock of the history.
  const [given] = lease?.call === 'lease' ? lease.given : [];
  expect(given?.deadline).toBeGreaterThan(4_900);
  expect(given?.deadline).toBeLessThan((lease?.returned ?? 0) + 5_001);
  expect(extend).toMatchObject({ ids: ['id', 'lost'], extended: [{ id: 'id' }] });
  expect(complete).toMatchObject({ error: 'connection lost', ids: ['id'] });
  expect(later).toMatchObject({ notBefore: expect.any(Number) });
  expect(dead).toMatchObject({ dead: true });
  expect(disturbances).toMatchObject([{ what: 'a cut' }]);
  expect(releases?.map(({ asked, released }) => [asked, released])).toEqual([
    [5, 3],
    [9, 3],
  ]);
});

test('a history is the same after it was saved and read', async () => {
  const history = await recorded();
  const file = join(folder, 'deep', 'history.json');
  saveHistory(file, history);
  expect(loadHistory(file)).toEqual(history);
  const other = join(folder, 'other.json');
  writeFileSync(other, '{"version":2}');
  expect(() => loadHistory(other)).toThrow('holds no history of version 1');
});

describe('the outcome of a failed call', () => {
  test.each<[Error, string]>([
    [new QueueError('invalid', 'no such item'), 'invalid'],
    [new QueueError('invalid', MESSAGES.duplicateClientId), 'not-done'],
    [new QueueError('retry', MESSAGES.leaseTimedOut), 'not-done'],
    [new QueueError('retry', MESSAGES.produceTimedOut), 'not-done'],
    [new QueueError('retry', MESSAGES.overloaded), 'not-done'],
    [new QueueError('retry', MESSAGES.produceOutcomeUnknown), 'unknown'],
    [new QueueError('retry', MESSAGES.storageFailed), 'unknown'],
    [new QueueError('failed', MESSAGES.serviceShutdown), 'not-done'],
    [new QueueError('internal', MESSAGES.internal), 'unknown'],
  ])('%s', (error, outcome) => expect(outcomeOf(error).outcome).toBe(outcome));

  test('an error that no client can get is a fault of the test', () => {
    expect(() => outcomeOf(new TypeError('bug'))).toThrow('bug');
    expect(() => outcomeOf(new QueueError('content', 'bad body'))).toThrow('bad body');
  });
});
