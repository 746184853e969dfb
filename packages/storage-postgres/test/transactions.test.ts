import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { expect, test } from 'vitest';
import { Database } from '../src/database/database.ts';
import { DEFAULT_TIME_LIMITS } from '../src/settings/time-limits.ts';

/** The server's answer when somebody cancels a statement. The session continues. */
const cancelled = () => Object.assign(new Error('canceling statement'), { code: '57014', severity: 'ERROR' });

/** A database whose only connection cancels the statements that start with one of these words. */
function databaseThatCancels(words: readonly string[]): { db: Database; released: boolean[] } {
  const released: boolean[] = [];
  const connection = {
    async query({ text }: { readonly text: string }) {
      if (words.some((word) => text.startsWith(word))) throw cancelled();
      return [];
    },
  };
  const pool = {
    keepsSessions: true,
    acquire: async () => connection,
    release: (_: unknown, broken: boolean) => released.push(broken),
  };
  const share = { pool, clock: new SystemClock(), release: async () => {} };
  const db = new Database({
    name: 'fake',
    share: share as never,
    limits: DEFAULT_TIME_LIMITS,
    random: new SystemRandom(),
    logger: silentLogger,
  });
  return { db, released };
}

const work = (text: string) => (session: { query(statement: { text: string }): Promise<unknown> }) =>
  session.query({ text });

test.each([
  ['a statement fails and the rollback works, the connection is kept', ['DELETE'], false],
  ['a statement fails, and the rollback too, the connection is given up', ['DELETE', 'ROLLBACK'], true],
  ['the beginning fails, and the rollback too, the connection is given up', ['BEGIN', 'ROLLBACK'], true],
  ['the commit fails, the connection is given up', ['COMMIT'], true],
])('when %s', async (_, words, givenUp) => {
  const { db, released } = databaseThatCancels(words);
  await expect(db.transaction(work('DELETE FROM x'))).rejects.toMatchObject({ sqlState: '57014' });
  expect(released).toEqual([givenUp]);
});

test('a transaction that succeeds keeps the connection', async () => {
  const { db, released } = databaseThatCancels([]);
  await db.transaction(work('DELETE FROM x'));
  await db.transaction(work('DELETE FROM x'));
  expect(released).toEqual([false, false]);
});
