import { addDuration, type Instant, parseDuration } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commands } from './command.ts';
import { isSchedule, type ModelItem, PartitionModel } from './partition-model.ts';

const NOW = new ManualClock().now();
const LIVE = { maxAttempts: 0, dead: 'move' } as const;

function fromNow(duration: string): Instant {
  return addDuration(NOW, parseDuration(duration));
}

function modelOf(...items: (Partial<ModelItem> & { readonly text: string })[]): PartitionModel {
  const model = new PartitionModel();
  model.items = items.map((item) => ({
    id: item.text,
    state: 'waiting',
    until: NOW,
    attempts: 0,
    sourceId: undefined,
    createdAt: NOW,
    expireDeadline: fromNow('1h'),
    ...item,
  }));
  return model;
}

const texts = (items: readonly ModelItem[]) => items.map((item) => item.text);

describe('PartitionModel', () => {
  test('leases the oldest waiting items', () => {
    const model = modelOf(
      { text: 'a', state: 'leased' },
      { text: 'b' },
      { text: 'c', state: 'scheduled' },
      { text: 'd' },
    );
    expect(texts(model.lease(5, fromNow('1m')))).toEqual(['b', 'd']);
    expect(model.find('d')).toMatchObject({ state: 'leased', attempts: 1, until: fromNow('1m') });
  });

  test('names the first id that is not leased', () => {
    const model = modelOf({ text: 'a', state: 'leased' }, { text: 'b' }, { text: 'c', state: 'moving' });
    expect(model.firstBad(['a', 'b', 'c'])).toEqual({ id: 'b', waits: true });
    expect(model.firstBad(['c', 'b'])).toEqual({ id: 'c', waits: false });
    expect(model.firstBad(['a'])).toBeUndefined();
  });

  test.each([
    ['dead', { dead: true, retryAt: undefined }, LIVE, 'moving'],
    [
      'dead where dead items are deleted',
      { dead: true, retryAt: fromNow('1h') },
      { ...LIVE, dead: 'delete' },
      'deleted',
    ],
    ['used up', { dead: false, retryAt: fromNow('1h') }, { ...LIVE, maxAttempts: 2 }, 'moving'],
    ['later', { dead: false, retryAt: fromNow('1h') }, { ...LIVE, maxAttempts: 3 }, 'scheduled'],
    ['near', { dead: false, retryAt: fromNow('99.999ms') }, LIVE, 'waiting'],
    ['at once', { dead: false, retryAt: undefined }, LIVE, 'waiting'],
  ] as const)('determines the next state of a retried item: %s', (_, retry, rules, nextState) => {
    const model = modelOf({ text: 'a', state: 'leased', attempts: 2 }, { text: 'b' });
    expect(model.giveBack(model.find('a') as ModelItem, retry, rules, NOW)).toBe(nextState);
    if (nextState === 'waiting') expect(texts(model.items)).toEqual(['b', 'a']);
  });

  test('sweeps by the rules', () => {
    const model = modelOf(
      { text: 'late', state: 'scheduled', until: fromNow('-1s') },
      { text: 'early', state: 'scheduled', until: fromNow('-2s') },
      { text: 'not due', state: 'scheduled', until: NOW },
      { text: 'overdue', state: 'leased', until: fromNow('-1s'), attempts: 1 },
      { text: 'used up', state: 'leased', until: fromNow('-1s'), attempts: 2 },
      { text: 'valid', state: 'leased', until: fromNow('1s'), attempts: 2, expireDeadline: fromNow('-1h') },
      { text: 'expired', expireDeadline: fromNow('-1us') },
      { text: 'marked', state: 'moved', until: fromNow('-1s') },
      { text: 'claimed', state: 'moving', until: fromNow('1s') },
      { text: 'unclaimed', state: 'moving', until: fromNow('-1s') },
    );
    const swept = model.sweep({ maxAttempts: 2, dead: 'move' }, NOW, fromNow('30s'));
    expect(texts(swept.enqueued)).toEqual(['early', 'late']);
    expect(texts(swept.requeued)).toEqual(['overdue']);
    expect(texts(swept.dead)).toEqual(['used up', 'expired', 'unclaimed']);
    expect(texts(swept.moved)).toEqual(['marked']);
    expect(texts(model.of('moved'))).toEqual(['marked']);
    expect(texts(model.items).slice(-3)).toEqual(['early', 'late', 'overdue']);
    expect(model.nextDue()).toBe(NOW);
  });

  test('marks moving items, and reports marked ones', () => {
    const model = modelOf(
      { text: 'a', state: 'moving', until: fromNow('1s') },
      { text: 'b', state: 'moved' },
      { text: 'c', state: 'leased' },
      { text: 'd', state: 'moving' },
    );
    const { marked, markedBefore } = model.markMoved(['c', 'b', 'a']);
    expect([texts(marked), texts(markedBefore)]).toEqual([['a'], ['b']]);
    expect(model.find('a')).toMatchObject({ state: 'moved', until: fromNow('1s') });
    expect(model.find('d')).toMatchObject({ state: 'moving' });
  });

  test('treats items that came as letters as prepared, and no leased item with the same fields', () => {
    const model = modelOf(
      { text: 'prepared', sourceId: 's1', state: 'prepared' },
      { text: 'handed out', sourceId: 's2', state: 'leased', attempts: 1 },
      { text: 'waiting', sourceId: 's3' },
      { text: 'imported as leased', sourceId: 's5', state: 'leased' },
      { text: 'not named', sourceId: 's4', state: 'prepared' },
    );
    expect(texts(model.prepared(['s5', 's3', 's2', 's1']))).toEqual(['prepared']);
  });

  test('schedules from exactly 100 ms ahead', () => {
    expect(isSchedule(fromNow('99.999ms'), NOW)).toBe(false);
    expect(isSchedule(fromNow('100ms'), NOW)).toBe(true);
  });
});

test('random sequences contain every command, and are long', () => {
  const sequences = fc.sample(commands, { numRuns: 200, seed: 1 });
  expect(new Set(sequences.flat().map((command) => command.do)).size).toBe(20);
  expect(Math.max(...sequences.map((sequence) => sequence.length))).toBeGreaterThan(30);
});
