import {
  invalid,
  type NewItem,
  type Outbox,
  type OutboxBatch,
  type OutboxFault,
  type OutboxRow,
  QueueError,
  StorageError,
  SystemClock,
  SystemRandom,
  silentLogger,
  storageFailed,
} from '@querator/core';
import { afterEach, expect, test, vi } from 'vitest';
import { systemMonotonicClock } from '../../src/monotonic-clock.ts';
import { QueueTurns } from '../../src/outbox/queue-turn.ts';
import { Relay } from '../../src/outbox/relay.ts';

const TOKEN = 'token';
const never = new AbortController().signal;

/** An outbox in memory, with what a turn changes in it. */
class FakeOutbox {
  rowsOf = new Map<string, OutboxRow[]>();
  batches = new Map<string, OutboxBatch>();
  faults: OutboxFault[] = [];
  readonly name = 'fake';
  readonly schema = 'fake';
  #next = 1;

  add(queue: string, ...texts: readonly string[]): void {
    const rows = this.rowsOf.get(queue) ?? [];
    for (const text of texts) {
      const item = { payload: Buffer.from(text), encoding: '', kind: '', reference: '' };
      rows.push({ id: String(this.#next++), item });
    }
    this.rowsOf.set(queue, rows);
  }

  hold = async () => true;
  release = async () => {};
  close = async () => {};
  queues = async () =>
    [...this.rowsOf].flatMap(([queue, rows]) => {
      const hasFault = this.faults.some((fault) => fault.queue === queue);
      return rows.length === 0 ? [] : [{ queue, hasBatch: this.batches.has(queue), hasFault, mayGo: true }];
    });
  rows = async (queue: string, { rows }: { readonly rows: number }) => ({
    rows: (this.rowsOf.get(queue) ?? []).slice(0, rows),
    drops: 0,
  });
  batch = async (queue: string) => {
    const batch = this.batches.get(queue);
    const rows = (this.rowsOf.get(queue) ?? []).filter(({ id }) => batch?.ids.includes(id));
    return batch && { ...batch, rows };
  };
  beginBatch = async (queue: string, { ids }: { readonly ids: readonly string[] }) => {
    const batch = { queue, ids, dedupKey: `key ${ids[0]} of ${ids.length}`, isOwn: true, isOld: false };
    this.batches.set(queue, batch);
    return batch;
  };
  endBatch = async ({ queue, ids }: Pick<OutboxBatch, 'queue' | 'ids'>) => {
    this.batches.delete(queue);
    this.rowsOf.set(
      queue,
      (this.rowsOf.get(queue) ?? []).filter(({ id }) => !ids.includes(id)),
    );
    return 1;
  };
  fail = async (fault: OutboxFault) => {
    this.faults.push(fault);
    if (fault.endedBatch !== undefined) this.batches.delete(fault.queue);
    return this.faults.length;
  };
}

type Produce = (call: { readonly items: readonly NewItem[]; readonly dedupKey: string }) => Promise<unknown>;

function turns(outbox: FakeOutbox, produce: Produce) {
  const service = {
    keyedProduces: { produce },
    outboxProduces: { isOn: async () => false },
  } as unknown as ConstructorParameters<typeof QueueTurns>[0]['service'];
  const user = { beginProduce: async () => () => {} };
  return new QueueTurns({ outbox: outbox as unknown as Outbox, service, user, storages: [] });
}

const texts = (items: readonly NewItem[]) => items.map(({ payload }) => Buffer.from(payload).toString());
const turn = { queue: 'q', hasBatch: false, hasFault: false, mayGo: true };

test('a batch whose outcome is unknown is sent again as it was, under its key', async () => {
  const outbox = new FakeOutbox();
  outbox.add('q', '1', '2');
  const calls: object[] = [];
  const unknown = storageFailed(new StorageError('cut', { outcome: 'unknown' }));
  const work = turns(outbox, async ({ items, dedupKey }) => {
    calls.push({ texts: texts(items), dedupKey });
    if (calls.length === 1) throw unknown;
  });
  expect(await work.run(turn, TOKEN, never)).toMatchObject({
    did: 'fail',
    fault: { code: 'outcome_unknown' },
  });
  outbox.add('q', '3');
  expect(await work.run({ ...turn, hasBatch: true }, TOKEN, never)).toMatchObject({ did: 'move', rows: 2 });
  expect(calls[1]).toEqual(calls[0]);
  expect(outbox.rowsOf.get('q')).toHaveLength(1);
});

test('a batch that was certainly not stored ends, unless another relay may still be sending it', async () => {
  const outbox = new FakeOutbox();
  outbox.add('q', '1');
  const work = turns(outbox, async () => {
    throw new QueueError('retry', 'queue is paused; try again later', {
      reason: 'queue_paused',
      retryAfterMs: 700,
    });
  });
  expect(await work.run(turn, TOKEN, never)).toMatchObject({
    fault: { code: 'queue_paused', retryAfterMs: 700 },
  });
  expect(outbox.batches.size).toBe(0);

  outbox.batches.set('q', { queue: 'q', ids: ['1'], dedupKey: 'theirs', isOwn: false, isOld: false });
  await work.run({ ...turn, hasBatch: true }, TOKEN, never);
  expect(outbox.batches.get('q')?.dedupKey).toBe('theirs');
});

test('a batch whose key may have ended is not sent', async () => {
  const outbox = new FakeOutbox();
  outbox.add('q', '1');
  outbox.batches.set('q', { queue: 'q', ids: ['1'], dedupKey: 'old', isOwn: false, isOld: true });
  const produce = vi.fn();
  const result = await turns(outbox, produce).run({ ...turn, hasBatch: true }, TOKEN, never);
  expect(result).toMatchObject({ did: 'fail', fault: { code: 'outcome_unknown' } });
  expect(produce).not.toHaveBeenCalled();
  expect(outbox.rowsOf.get('q')).toHaveLength(1);
});

test('a row that the storage refuses is found by sending the queue row by row', async () => {
  const outbox = new FakeOutbox();
  outbox.add('q', '1', '2', 'bad', '4');
  const stored: string[] = [];
  const work = turns(outbox, async ({ items }) => {
    if (texts(items).includes('bad'))
      throw invalid('kind is invalid; it contains a character that is not there');
    stored.push(...texts(items));
  });
  for (let n = 0; n < 5; n++) await work.run(turn, TOKEN, never);
  expect(stored).toEqual(['1', '2']);
  expect(outbox.faults.at(-1)).toMatchObject({ rowId: '3', code: 'invalid' });
  outbox.rowsOf.set('q', outbox.rowsOf.get('q')?.filter(({ id }) => id !== '3') ?? []);
  await work.run(turn, TOKEN, never);
  expect(stored).toEqual(['1', '2', '4']);
});

let relay: Relay | undefined;
afterEach(() => relay?.stop());

test('queues whose storage does not answer leave room for the others', async () => {
  const outbox = new FakeOutbox();
  const stopped = new AbortController();
  const stuck = new Promise<never>((_, reject) => stopped.signal.addEventListener('abort', reject));
  stuck.catch(() => {});
  for (let n = 0; n < 30; n++) {
    outbox.add(`stuck-${n}`, 'stuck');
    outbox.faults.push({ queue: `stuck-${n}`, rowId: '1', code: 'unavailable', reason: '', retryAfterMs: 0 });
  }
  outbox.add('well', '1', '2');
  const stored: string[] = [];
  const work = turns(outbox, async ({ items }) => {
    if (texts(items).includes('stuck')) return stuck;
    stored.push(...texts(items));
  });
  relay = new Relay({
    ...{ outbox: outbox as unknown as Outbox, turns: work, server: 'test', logger: silentLogger },
    ...{ clock: new SystemClock(), monotonicClock: systemMonotonicClock, random: new SystemRandom() },
  });
  relay.start();
  await expect.poll(() => stored).toEqual(['1', '2']);
  stopped.abort();
});
