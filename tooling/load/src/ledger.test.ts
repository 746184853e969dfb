import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Ledger } from './ledger.ts';

const LEASE_MS = 10_000;

let ledger: Ledger;

beforeEach(() => {
  vi.useFakeTimers();
  ledger = new Ledger();
});
afterEach(() => {
  vi.useRealTimers();
});

const produce = (...names: readonly string[]) => {
  for (const name of names) {
    ledger.expect(name);
    ledger.produced(name, 'acknowledged');
  }
};
const deliver = (name: string, id: string, leaseMs = LEASE_MS) =>
  ledger.delivered({ id, name, deadline: Date.now() + leaseMs });

test('items that are completed, retried, or leased again after a lease have no faults', () => {
  produce('a', 'b');
  ledger.expect('later', Date.now() + 1_000);
  ledger.produced('later', 'acknowledged');
  deliver('a', '01');
  ledger.completed('a', 'yes');
  deliver('b', '02');
  ledger.retrying('b', Date.now() + 500);
  vi.advanceTimersByTime(1_000);
  deliver('b', '03');
  deliver('later', '04');
  vi.advanceTimersByTime(LEASE_MS);
  deliver('b', '05');
  deliver('later', '06');
  for (const name of ['b', 'later']) ledger.completed(name, 'yes');
  expect(ledger.faults()).toEqual([]);
  expect(ledger).toMatchObject({ acknowledged: 3, completions: 3, undelivered: [], highestId: '06' });
});

test.each<[fault: string, break_: () => void]>([
  ['a was acknowledged and is lost', () => produce('a')],
  [
    'a was acknowledged and is lost',
    () => {
      produce('a');
      deliver('a', '01');
      ledger.completed('a', 'perhaps');
      vi.advanceTimersByTime(LEASE_MS);
      // So the complete had no effect.
      deliver('a', '02');
    },
  ],
  [
    'a was completed twice',
    () => {
      produce('a');
      for (const id of ['01', '02']) {
        deliver('a', id);
        vi.advanceTimersByTime(LEASE_MS);
      }
      for (let n = 0; n < 2; n++) ledger.completed('a', 'yes');
    },
  ],
  [
    'a was delivered after it had been completed',
    () => {
      produce('a');
      deliver('a', '01');
      ledger.completed('a', 'yes');
      deliver('a', '02');
    },
  ],
  [
    'a was delivered during another lease',
    () => {
      produce('a');
      for (const id of ['01', '02']) deliver('a', id);
      ledger.completed('a', 'yes');
    },
  ],
  [
    'a was delivered before it was due',
    () => {
      ledger.expect('a', Date.now() + 1_000);
      ledger.produced('a', 'acknowledged');
      deliver('a', '01');
      ledger.completed('a', 'yes');
    },
  ],
  [
    'a was delivered before it was due',
    () => {
      produce('a');
      deliver('a', '01');
      ledger.retrying('a', Date.now() + 1_000);
      deliver('a', '02');
      ledger.completed('a', 'yes');
    },
  ],
  [
    'b was delivered under a lower id than an item before its produce',
    () => {
      produce('a');
      deliver('a', '02');
      produce('b');
      deliver('b', '01');
      for (const name of ['a', 'b']) ledger.completed(name, 'yes');
    },
  ],
  [
    'a was delivered to a consumer after an item with a higher id',
    () => {
      produce('a', 'b');
      const deadline = Date.now() + LEASE_MS;
      for (const [name, id, ascendingFor] of [
        ['b', '02', 'first'],
        ['a', '01', 'first'],
      ] as const) {
        ledger.delivered({ id, name, ascendingFor, deadline });
        ledger.completed(name, 'yes');
      }
    },
  ],
  [
    'a, b have the same id',
    () => {
      produce('a', 'b');
      for (const name of ['a', 'b']) {
        deliver(name, '01');
        ledger.completed(name, 'yes');
      }
    },
  ],
  [
    'a was delivered twice under one id',
    () => {
      produce('a');
      deliver('a', '01');
      ledger.retrying('a');
      deliver('a', '01');
      ledger.completed('a', 'yes');
    },
  ],
  ['a was delivered, and not produced', () => deliver('a', '01')],
  [
    'a was delivered, and not produced',
    () => {
      ledger.expect('a');
      deliver('a', '01');
      ledger.produced('a', 'refused');
    },
  ],
])('the ledger finds: %s', (fault, break_) => {
  break_();
  expect(ledger.faults()).toEqual([fault]);
});

test('a delivery that arrives after the end of its lease says nothing of other leases and completes', () => {
  produce('a', 'b');
  deliver('a', '02');
  deliver('b', '04');
  ledger.completed('b', 'yes');
  deliver('a', '01', 0);
  deliver('b', '03', -1);
  ledger.completed('a', 'yes');
  expect(ledger.faults()).toEqual([]);
});

test('a retry without effect leaves the item due at the end of its lease', () => {
  produce('a');
  deliver('a', '01', 1_000);
  ledger.retrying('a', Date.now() + 60_000);
  vi.advanceTimersByTime(1_000);
  deliver('a', '02');
  ledger.completed('a', 'yes');
  expect(ledger.faults()).toEqual([]);
});

test('after a database has lost transactions, items that were completed may come back once', () => {
  produce('a', 'b');
  deliver('a', '01');
  ledger.completed('a', 'yes');
  ledger.wentBack();
  deliver('a', '01');
  ledger.completed('a', 'yes');
  deliver('b', '02');
  ledger.completed('b', 'yes');
  expect(ledger.completionsLost).toEqual(['a']);
  expect(ledger.completedTwice).toEqual([]);
  ledger.completed('a', 'yes');
  expect(ledger.completedTwice).toEqual(['a']);
});

test('compares ids within a place only, if deliveries have one', () => {
  const ledger = new Ledger();
  const deadline = Date.now() + 60_000;
  for (const name of ['a', 'b']) ledger.expect(name);
  ledger.delivered({ id: '05', name: 'a', place: 'one', deadline });
  for (const name of ['c', 'd']) ledger.expect(name);
  ledger.delivered({ id: '02', name: 'c', place: 'two', deadline });
  expect(ledger.outOfOrder).toEqual([]);
  ledger.delivered({ id: '03', name: 'd', place: 'one', deadline });
  expect(ledger.outOfOrder).toEqual(['d']);
});

test('consumers get ascending ids each by itself', () => {
  produce('a', 'b', 'c');
  const deadline = Date.now() + LEASE_MS;
  ledger.delivered({ id: '02', name: 'b', ascendingFor: 'first', deadline });
  ledger.delivered({ id: '01', name: 'a', ascendingFor: 'second', deadline });
  ledger.delivered({ id: '03', name: 'c', ascendingFor: 'first', deadline });
  for (const name of ['a', 'b', 'c']) ledger.completed(name, 'yes');
  expect(ledger.faults()).toEqual([]);
  expect(ledger.deliveries).toBe(3);
});

test('counts follow an item whose produce and complete are judged anew', () => {
  ledger.expect('a');
  ledger.produced('a', 'unknown');
  deliver('a', '01');
  ledger.completed('a', 'perhaps');
  expect(ledger).toMatchObject({ acknowledged: 0, unknown: 1, completions: 0, perhapsCompleted: 1 });
  vi.advanceTimersByTime(LEASE_MS);
  deliver('a', '02');
  expect(ledger).toMatchObject({ completions: 0, perhapsCompleted: 0 });
  ledger.completed('a', 'yes');
  ledger.expect('a');
  ledger.produced('a', 'refused');
  expect(ledger).toMatchObject({ acknowledged: 0, unknown: 0, refused: 1, completions: 0 });
});
