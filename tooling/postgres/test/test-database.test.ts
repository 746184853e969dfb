import { expect, inject, it, onTestFinished } from 'vitest';
import { createTestDatabase } from '../src/index.ts';
import { query } from './query.ts';

async function testDatabase() {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

it('is an empty database for each caller', async () => {
  const [one, two] = await Promise.all([testDatabase(), testDatabase()]);
  await query(one.connectionString, 'CREATE TABLE only_here (n int)');
  await expect(query(two.connectionString, 'TABLE only_here')).rejects.toMatchObject({ code: '42P01' });
});

it('ends its sessions when it is dropped', async () => {
  const database = await createTestDatabase();
  const sleeper = query(database.connectionString, 'SELECT pg_sleep(60)').catch((error: unknown) => error);
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = '${database.name}'`;
  await expect.poll(() => query(inject('queratorPostgresUrl'), waiting)).toHaveLength(1);
  await database.drop();
  expect(await sleeper).toMatchObject({ code: '57P01' });
});
