import { expect, test } from 'vitest';
import { passwordIn } from './pass-file.ts';

const TARGET = { host: 'db', port: 5432, database: 'items', user: 'querator' };

test.each([
  ['all fields', 'db:5432:items:querator:secret\n', 'secret'],
  ['wildcards', '*:*:*:*:secret', 'secret'],
  ['the first line that matches', 'db:5432:items:other:no\n*:*:*:querator:first\ndb:*:*:*:second\n', 'first'],
  ['a colon and a backslash in the password', String.raw`*:*:*:*:a\:b\\c`, String.raw`a:b\c`],
  ['a password that ends at a colon', '*:*:*:*:secret:more', 'secret'],
  ['a password with a hash and blanks', '*:*:*:*: #a b ', ' #a b '],
  ['lines that end with a carriage return', '*:*:*:*:secret\r\n', 'secret'],
  ['no comment', '#*:*:*:*:no\n*:*:*:*:secret', 'secret'],
  ['another port', '*:5433:*:*:secret', undefined],
  ['another case', 'DB:*:*:*:secret', undefined],
  ['part of a name', 'd*:*:*:*:secret', undefined],
  ['an escaped wildcard', String.raw`\*:*:*:*:secret`, undefined],
  ['too few fields', 'db:5432:items:querator', undefined],
  ['an empty field', ':5432:items:querator:secret', undefined],
  ['an empty password', '*:*:*:*:', undefined],
  ['nothing', '', undefined],
])('%s', (_, text, expected) => {
  expect(passwordIn(text, TARGET)).toBe(expected);
});

test('a colon in a host is escaped', () => {
  expect(passwordIn(String.raw`\:\:1:*:*:*:secret`, { ...TARGET, host: '::1' })).toBe('secret');
  expect(passwordIn('::1:*:*:*:secret', { ...TARGET, host: '::1' })).toBeUndefined();
});

test.each(['/tmp', '/var/run/postgresql'])('the folder of sockets %s is localhost', (host) => {
  expect(passwordIn('localhost:*:*:*:secret', { ...TARGET, host })).toBe('secret');
  expect(passwordIn('localhost:*:*:*:secret', { ...TARGET, host: '/other' })).toBeUndefined();
  expect(passwordIn('/other:*:*:*:secret', { ...TARGET, host: '/other' })).toBe('secret');
});
