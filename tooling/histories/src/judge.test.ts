import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { complete, given, history, lease, produce } from '../test/small-history.ts';
import type { History } from './history/history.ts';
import { loadHistory } from './history/history-file.ts';
import { judge } from './judge.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'querator-judge-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const good = [produce(1, 2, 'a'), lease(3, 4, [given('a')]), complete(5, 6, 'a#1')];
const noise = Array.from({ length: 20 }, (_, n) => [
  produce(100 + n, 101 + n, `x${n}`),
  lease(200 + n, 201 + n, [given(`x${n}`)]),
  complete(300 + n, 301 + n, `x${n}#1`),
]).flat();
const run = (operations: History['operations'], rest: Partial<History> = {}) =>
  judge(history(operations, { origin: 'a run, seed 7', drained: true, ...rest }), folder);
const saved = (name: string) => loadHistory(join(folder, name));
const storyOf = (name: string) => readFileSync(join(folder, name), 'utf8');

test('an accepted history is not saved', () => {
  const { rules, text, order } = run(good);
  expect(rules).toEqual([]);
  expect(text).toMatch(/^a run, seed 7: 3 operations .*: accepted$/);
  expect(order).toEqual({ judged: 1, leases: 1 });
  expect(readdirSync(folder)).toEqual([]);
});

test('a history that breaks a rule is saved as a whole, as its smallest part, and as text', () => {
  const { rules, text } = run([...noise, produce(1, 2, 'lost')]);
  expect(rules).toEqual(['losses']);
  expect(text).toContain('FAILED, 1 violations of losses');
  expect(saved('a-run-seed-7.json').operations).toHaveLength(61);
  expect(saved('a-run-seed-7.small.json').operations).toMatchObject([{ call: 'produce', items: ['lost'] }]);
  expect(text).toContain(storyOf('a-run-seed-7.txt').trimEnd());
});

test('a history that was not drained is saved with the remaining items and the last calls', () => {
  const last = lease(900, 1_900, [], { client: 'drain1', outcome: 'not-done', error: 'no items' });
  const left = [produce(1, 2, 'left x'), lease(3, 4, [given('left'), given('x')]), complete(5, 6, 'x#1')];
  const { rules, text } = run([...left, ...noise, last], { drained: false });
  expect(rules).toEqual(['drain']);
  expect(text).toContain('NOT DRAINED');
  const small = saved('a-run-seed-7.small.json');
  expect(small).toMatchObject({ drained: false });
  expect(small.operations.map(({ call, client }) => `${call} ${client}`)).toEqual([
    ...['produce c', 'lease drain1'],
  ]);
  const story = storyOf('a-run-seed-7.txt');
  expect(story).toMatch(/^drain: the queue could not be emptied: 1 items are left, such as left\n/);
  expect(story).toContain('no items');
  expect(judge(small, folder).rules).toEqual(['drain']);
});

test('a history that was not drained, but has no remaining items, is saved with the last calls', () => {
  const last = Array.from({ length: 30 }, (_, n) =>
    lease(900 + n, 901 + n, [], { client: 'drain0', outcome: 'unknown', error: `cut ${n}` }),
  );
  run([...good, ...last], { drained: false });
  const story = storyOf('a-run-seed-7.txt');
  expect(story).toContain('holds nothing that was acknowledged and not settled');
  expect(story).toContain('cut 29');
  expect(story).not.toContain('produce');
  expect(story.split('\n').length).toBeLessThan(15);
});

test('the history of an interrupted run is saved, even without a violation', () => {
  const { rules, text } = run([produce(1, 2, 'a')], { drained: false, brokenOff: 'the database is gone' });
  expect(rules).toEqual(['run']);
  expect(text).toContain('BROKEN OFF: the database is gone');
  expect(saved('a-run-seed-7.json')).toMatchObject({ brokenOff: 'the database is gone' });
  expect(existsSync(join(folder, 'a-run-seed-7.small.json'))).toBe(false);
});

test('a violation before the interruption of a run is reported too', () => {
  const twice = [...good, lease(7, 8, [given('a')])];
  const { rules } = run(twice, { drained: false, brokenOff: 'the database is gone' });
  expect(rules).toContain('handles');
  expect(rules).toContain('run');
  expect(storyOf('a-run-seed-7.txt')).toContain('a#1');
});
