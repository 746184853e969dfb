import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { History } from './history.ts';

/** Writes a history, one operation per line, and creates the folder. */
export function saveHistory(file: string, { operations, ...about }: History): void {
  mkdirSync(dirname(file), { recursive: true });
  const lines = operations.map((operation) => JSON.stringify(operation)).join(',\n');
  const head = JSON.stringify(about).slice(0, -1);
  writeFileSync(file, `${head},"operations":[\n${lines}\n]}\n`);
}

/** Reads a history. @throws Error when the file has no history of this version. */
export function loadHistory(file: string): History {
  const history = JSON.parse(readFileSync(file, 'utf8')) as Partial<History>;
  if (history.version !== 1 || !Array.isArray(history.operations)) {
    throw new Error(`${file} holds no history of version 1`);
  }
  return history as History;
}
