import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Phase, toPostgresError } from './postgres-error.ts';
import { TimeLimitError } from './time-limit.ts';

/** An error as `pg` creates it for an answer of the server. */
function answer(code: string, severity = 'ERROR', message = 'a message') {
  return Object.assign(new Error(message), { code, severity, detail: 'Failing row contains (SECRET)' });
}

/** An error of the operating system. */
function system(code: string) {
  return Object.assign(new Error(`connect ${code} 127.0.0.1:5432`), { code, syscall: 'connect' });
}

const NOT_SENT = new Error('Client has encountered a connection error and is not queryable');

type Row = readonly [what: string, error: unknown, phase: Phase, outcome: string, connectionLost: boolean];

const TABLE: readonly Row[] = [
  ['connection refused', system('ECONNREFUSED'), 'connect', 'not-applied', false],
  ['host not found', system('ENOTFOUND'), 'connect', 'not-applied', false],
  ['server starting up', answer('57P03', 'FATAL'), 'connect', 'not-applied', false],
  ['too many clients', answer('53300', 'FATAL'), 'connect', 'not-applied', false],
  ['wrong password', answer('28P01', 'FATAL'), 'connect', 'not-applied', false],
  ['no connection in time', new TimeLimitError('no connection'), 'connect', 'not-applied', false],
  ['statement timeout', answer('57014'), 'committing', 'not-applied', false],
  ['lock timeout', answer('55P03'), 'committing', 'not-applied', false],
  ['deadlock', answer('40P01'), 'committing', 'not-applied', false],
  ['serialization failure', answer('40001'), 'committing', 'not-applied', false],
  ['disk full', answer('53100'), 'committing', 'not-applied', false],
  ['undefined table', answer('42P01'), 'committing', 'not-applied', false],
  ['missing grant', answer('42501'), 'committing', 'not-applied', false],
  ['unique violation', answer('23505'), 'committing', 'not-applied', false],
  ['read-only server', answer('25006'), 'committing', 'not-applied', true],
  ['never sent', NOT_SENT, 'committing', 'not-applied', true],
  ['terminated by an administrator', answer('57P01', 'FATAL'), 'committing', 'unknown', true],
  ['crash of another backend', answer('57P02', 'WARNING'), 'committing', 'unknown', true],
  ['any fatal error', answer('XX000', 'FATAL'), 'committing', 'unknown', true],
  ['a panic', answer('XX000', 'PANIC'), 'committing', 'unknown', true],
  ['completion unknown', answer('40003'), 'committing', 'unknown', true],
  ['connection reset', system('ECONNRESET'), 'committing', 'unknown', true],
  ['broken pipe', system('EPIPE'), 'committing', 'unknown', true],
  ['connection ended', new Error('Connection terminated unexpectedly'), 'committing', 'unknown', true],
  ['no answer in time', new TimeLimitError('no answer'), 'committing', 'unknown', true],
  ['connection ended before COMMIT', new Error('Connection terminated'), 'harmless', 'not-applied', true],
  ['terminated while reading', answer('57P01', 'FATAL'), 'harmless', 'not-applied', true],
  ['idle in transaction', answer('25P03', 'FATAL'), 'harmless', 'not-applied', true],
];

describe('toPostgresError', () => {
  test.each(TABLE)('%s', (_, error, phase, outcome, connectionLost) => {
    const converted = toPostgresError(error, 'postgres-01', phase);
    expect(converted).toMatchObject({ name: 'StorageError', outcome, connectionLost });
    expect(converted.message).toMatch(/^storage 'postgres-01': /);
    expect(inspect(converted, { depth: 10, showHidden: true })).not.toContain('SECRET');
  });

  test.each(['22P02', '22021', '23505', '23502'])(
    'leaves out the parts of a message of %s that may quote contents',
    (code) => {
      const converted = toPostgresError(answer(code, 'ERROR', 'bad value "SECRET"'), 'b', 'committing');
      expect(inspect(converted, { depth: 10 })).not.toContain('SECRET');
      expect(converted.message).toContain(code);
    },
  );

  test('names the missing right', () => {
    const denied = answer('42501', 'ERROR', 'permission denied for schema public');
    expect(toPostgresError(denied, 'b', 'committing').message).toBe(
      "storage 'b': permission denied for schema public (SQLSTATE 42501)",
    );
  });

  test.each([
    ['42704', 'unrecognized configuration parameter "jit"', '; PostgreSQL 12 or newer is needed'],
    ['42704', 'unrecognized configuration parameter "jitter"', ''],
    ['42501', 'permission denied for database "q"', '; missing: GRANT CONNECT ON DATABASE'],
  ])('says how to correct a refused connection with %s: %s', (code, message, advice) => {
    const { message: converted } = toPostgresError(answer(code, 'FATAL', message), 'b', 'connect');
    expect(converted).toBe(`storage 'b': ${message} (SQLSTATE ${code})${advice}`);
  });

  test('returns a converted error unchanged', () => {
    const converted = toPostgresError(answer('57014'), 'b', 'committing');
    expect(toPostgresError(converted, 'b', 'connect')).toBe(converted);
  });
});

test('no other file compares SQLSTATEs', async () => {
  const folder = join(import.meta.dirname, '..');
  const files = (await readdir(folder, { recursive: true })).filter(
    (name) => /\.ts$/.test(name) && !/\.test\.ts$|^errors\/postgres-error\.ts$/.test(name),
  );
  expect(files.length).toBeGreaterThan(50);
  for (const name of files) {
    const text = await readFile(join(folder, name), 'utf8');
    expect([name, text.match(/'[0-9][0-9A-Z]{4}'/g)]).toEqual([name, null]);
  }
});
