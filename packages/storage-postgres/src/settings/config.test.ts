import { expect, test } from 'vitest';
import { parsePostgresConfig } from './config.ts';

const connectionString = 'postgres://user:pass@localhost:5432/querator';

test('reads both keys', () => {
  const config = { 'connection-string': connectionString, 'max-conns': 50 };
  expect(parsePostgresConfig(config)).toEqual({ connectionString, maxConns: 50 });
});

test('max-conns is optional', () => {
  expect(parsePostgresConfig({ 'connection-string': connectionString })).toEqual({ connectionString });
});

test.each([
  [{}, 'connection-string: required'],
  [{ 'connection-string': '' }, 'connection-string: required'],
  [{ 'connection-string': 7 }, 'connection-string: required'],
  [{ 'connection-string': 'host=x' }, 'connection-string: must start with'],
  [{ 'connection-string': connectionString, 'max-conns': 0 }, 'max-conns: must be an integer of at least 1'],
  [{ 'connection-string': connectionString, 'max-conns': 1.5 }, 'max-conns: must be an integer'],
  [{ 'connection-string': connectionString, 'max-conns': '5' }, 'max-conns: must be an integer'],
  [{ 'connection-string': connectionString, host: 'x' }, 'host: unknown key'],
])('names the wrong key: %j', (config, message) => {
  expect(() => parsePostgresConfig(config)).toThrow(message);
});
