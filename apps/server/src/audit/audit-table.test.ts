import { type AuditStore, type Logger, type NewAuditEvent, silentLogger } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { beforeEach, expect, test } from 'vitest';
import { AuditTable } from './audit-table.ts';
import { STORED_REFUSALS } from './refusal-limit.ts';

const event = (callId: string, userId = 'u') => ({ callId, userId, username: 'ann' }) as NewAuditEvent;

let clock: ManualClock;
let nowMs: number;
/** The calls of each statement. */
let statements: string[][];
let warnings: string[];
/** What the next statements do after they were recorded. */
let append: () => Promise<void>;
let table: AuditTable;

beforeEach(() => {
  clock = new ManualClock();
  nowMs = 0;
  statements = [];
  warnings = [];
  append = async () => {};
  const store = {
    append: (events: readonly NewAuditEvent[]) => {
      statements.push(events.map(({ callId }) => callId));
      return append();
    },
  } as AuditStore;
  const logger: Logger = { ...silentLogger, warn: (message) => void warnings.push(message) };
  table = new AuditTable({ store, clock, monotonicClock: () => nowMs, logger });
});

/** Holds statements until the returned function is called. */
function hold(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  append = () => promise;
  return resolve;
}

test('events that come during a statement go together in the next one', async () => {
  const release = hold();
  const all = ['a', 'b', 'c'].map((call) => table.append(event(call)));
  expect(statements).toEqual([['a']]);
  release();
  await Promise.all(all);
  expect(statements).toEqual([['a'], ['b', 'c']]);
});

test('a failure of a statement is that of its events', async () => {
  append = async () => {
    append = async () => {};
    throw new Error('no storage');
  };
  const [first, second] = [table.append(event('a')), table.append(event('b'))];
  await expect(first).rejects.toThrow('no storage');
  await second;
  expect(statements).toEqual([['a'], ['b']]);
});

test('an event is refused when too many wait', async () => {
  const release = hold();
  const all = Array.from({ length: 1_001 }, (_, n) => table.append(event(`call-${n}`)));
  await expect(table.append(event('one more'))).rejects.toMatchObject({
    code: 'retry',
    reason: 'over_limit',
  });
  release();
  await Promise.all(all);
  expect(statements.map((calls) => calls.length)).toEqual([1, 1_000]);
});

test('the end of a call waits a second for its event, which is stored all the same', async () => {
  const release = hold();
  let isAnswered = false;
  const end = table.appendEnd(event('a')).then(() => {
    isAnswered = true;
  });
  await clock.advance('999ms');
  expect(isAnswered).toBe(false);
  await clock.advance('1ms');
  await end;
  const stopping = table.stop();
  release();
  await stopping;
  expect(statements).toEqual([['a']]);
  expect(warnings).toEqual([]);
});

test('an event of an end that cannot be stored is a line in the log', async () => {
  append = async () => {
    throw new Error('no storage');
  };
  await table.appendEnd(event('a'));
  expect(warnings).toEqual(['an audit event could not be stored']);
});

test('refused calls of one user are stored up to a number an hour', async () => {
  for (let n = 0; n < STORED_REFUSALS + 5; n++) await table.appendRefusal(event(`a-${n}`));
  await table.appendRefusal(event('b', 'other'));
  expect(statements.flat()).toHaveLength(STORED_REFUSALS + 1);
  expect(statements.flat()).toContain('b');
  expect(warnings).toHaveLength(1);
  nowMs = 3_600_000;
  await table.appendRefusal(event('later'));
  expect(statements.flat()).toContain('later');
});

test('a stop waits for the end of calls that have begun', async () => {
  table.callBegins();
  let isStopped = false;
  const stopping = table.stop().then(() => {
    isStopped = true;
  });
  await table.appendEnd(event('a'));
  expect(isStopped).toBe(false);
  table.callEnded();
  await stopping;
  expect(statements).toEqual([['a']]);
});

test('a stop waits five seconds at most', async () => {
  table.callBegins();
  const stopping = table.stop();
  await clock.advance('5s');
  await stopping;
  await expect(table.append(event('a'))).rejects.toMatchObject({ code: 'failed' });
});

test('after the stop nothing is stored, and calls are refused', async () => {
  await table.stop();
  await expect(table.append(event('a'))).rejects.toMatchObject({ code: 'failed' });
  await table.appendEnd(event('b'));
  expect(statements).toEqual([]);
  expect(warnings).toEqual(['an audit event could not be stored']);
});

test('a call that is refused after the stop is no reason for a warning', async () => {
  await table.stop();
  await table.appendRefusal(event('a'));
  expect(statements).toEqual([]);
  expect(warnings).toEqual([]);
});
