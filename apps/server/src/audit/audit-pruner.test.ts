import { type AuditStore, type Logger, parseDuration, silentLogger } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { beforeEach, expect, test } from 'vitest';
import { AuditPruner } from './audit-pruner.ts';

const KEEP = parseDuration('2160h');

let clock: ManualClock;
/** How many events each run removes; the last one for further runs. */
let removed: number[];
let runs: (readonly [keep: bigint, limit: number])[];
let warnings: string[];
let pruner: AuditPruner;

beforeEach(() => {
  clock = new ManualClock();
  removed = [0];
  runs = [];
  warnings = [];
  const prune: AuditStore['prune'] = async (keep, limit) => {
    runs.push([keep, limit]);
    const count = removed.length > 1 ? removed.shift() : removed[0];
    if (count === undefined || count < 0) throw new Error('no storage');
    return count;
  };
  const logger: Logger = { ...silentLogger, warn: (message) => void warnings.push(message) };
  const random = { base62: () => '', fraction: () => 0.5 };
  pruner = new AuditPruner({ store: { prune } as AuditStore, keep: KEEP, clock, random, logger });
  pruner.start();
});

test('removes events a minute or two after the start, and then once an hour', async () => {
  await clock.advance('89s');
  expect(runs).toEqual([]);
  await clock.advance('1s');
  expect(runs).toEqual([[KEEP, 1_000]]);
  await clock.advance('59m');
  expect(runs).toHaveLength(1);
  await clock.advance('1m');
  expect(runs).toHaveLength(2);
});

test('goes on at once while there are more', async () => {
  removed = [1_000, 1_000, 3];
  await clock.advance('90s');
  await clock.advance('1s');
  expect(runs).toHaveLength(3);
});

test('tries again in an hour after a failure', async () => {
  removed = [-1, 0];
  await clock.advance('90s');
  expect(warnings).toHaveLength(1);
  await clock.advance('1h');
  expect(runs).toHaveLength(2);
  expect(warnings).toHaveLength(1);
});

test('ends with the server', async () => {
  await clock.advance('90s');
  await pruner.stop();
  await clock.advance('48h');
  expect(runs).toHaveLength(1);
});
