import { expect, test } from 'vitest';
import { parseSqliteConfig } from './config.ts';

test('a path is all that is needed', () => {
  expect(parseSqliteConfig({ path: '/data/queues.db' })).toEqual({ path: '/data/queues.db' });
  expect(parseSqliteConfig({ path: 'data', durability: 'normal' })).toEqual({
    path: 'data',
    durability: 'normal',
  });
});

test.each([
  [{}, 'path: required, a file or an existing folder, such as /var/lib/querator/queues.db'],
  [{ path: 3 }, 'path: required, a file or an existing folder, such as /var/lib/querator/queues.db'],
  [
    { path: ':memory:' },
    'path: must be the path of a file or folder; the driver memory keeps nothing on disk',
  ],
  [
    { path: 'file:a?mode=memory' },
    'path: must be the path of a file or folder; the driver memory keeps nothing on disk',
  ],
  [{ path: 'a\0b' }, 'path: must not contain U+0000'],
  [{ path: 'a', durability: 'off' }, 'durability: must be full or normal'],
  [{ path: 'a', file: 'b' }, 'file: unknown key; use path and durability'],
])('the options %j are refused', (config, message) => {
  expect(() => parseSqliteConfig(config)).toThrow(new Error(message));
});
