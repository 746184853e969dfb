import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { complete, given, history, lease, produce } from '../test/small-history.ts';
import type { History } from './history/history.ts';
import { saveHistory } from './history/history-file.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'querator-check-'));
afterAll(() => rmSync(folder, { recursive: true }));

function check(...args: readonly string[]) {
  const all = ['--conditions=@querator/source', MAIN, 'check', ...args, '--results', folder];
  const { status, stdout } = spawnSync(process.execPath, all, { encoding: 'utf8' });
  return { status, stdout };
}

function file(name: string, saved: History): string {
  const path = join(folder, `${name}.json`);
  saveHistory(path, saved);
  return path;
}

const taken = [produce(1, 2, 'a'), lease(3, 4, [given('a')]), complete(5, 6, 'a#1')];

test('check accepts a good history', () => {
  const { status, stdout } = check(file('good', history(taken, { origin: 'good', drained: true })));
  expect(stdout).toContain('good: 3 operations');
  expect(stdout).toContain('accepted');
  expect(status).toBe(0);
});

test('check reports the violation of a bad history, and saves its smallest part', () => {
  const again = [...taken, lease(7, 8, [given('a', 2)])];
  const { status, stdout } = check(file('bad', history(again, { origin: 'bad', drained: true })));
  expect(stdout).toContain('\nholding: a was given to c');
  expect(status).toBe(1);
  expect(existsSync(join(folder, 'checked', 'bad.txt'))).toBe(true);
});

test('check reports the remaining items of a history that was not drained', () => {
  const { status, stdout } = check(file('left', history([produce(1, 2, 'a')], { origin: 'left' })));
  expect(stdout).toContain('1 items are left, such as a');
  expect(status).toBe(1);
});

test('check refuses a file that is no history', () => {
  const other = join(folder, 'other.json');
  writeFileSync(other, '{"version":2}');
  expect(check(other)).toEqual({ status: 2, stdout: `${other} holds no history of version 1\n` });
  expect(check()).toEqual({ status: 2, stdout: 'which history? pnpm histories check FILE\n' });
});
