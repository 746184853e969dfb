import { readFile } from 'node:fs/promises';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { expect, test } from 'vitest';
import { compose, parseConfig } from '../../src/index.ts';

const DEPS = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };

/** Applies a configuration as the server does at its start, which connects to no database. */
async function take(yaml: string): Promise<readonly string[]> {
  const config = parseConfig(yaml);
  await compose(config, DEPS).stop();
  return config['partition-storage'].map(({ name, affinity }) => `${name} ${affinity}`);
}

test.each(['postgres.md', 'postgres-operations.md'])(
  'the configurations in docs/storage/%s',
  async (page) => {
    const text = await readFile(new URL(`../../../../docs/storage/${page}`, import.meta.url), 'utf8');
    const examples = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, yaml = '']) => yaml);
    expect(examples.length).toBeGreaterThan(0);
    for (const yaml of examples) expect((await take(yaml)).length).toBeGreaterThan(0);
  },
);

/** A storage as the document for users writes it. */
const storage = (name: string, connectionString: string, rest = '') => `
partition-storage:
  - name: ${name}
    driver: postgres
    affinity: 1
    config:
      connection-string: "${connectionString}"${rest}`;

test.each([
  'postgres://querator:secret@localhost:5432/querator',
  'postgres://querator:secret@db.example.com:5432/querator?sslmode=require',
  'postgres://querator:secret@localhost:5432/querator?sslmode=disable',
  'postgres://querator:secret@localhost:5432/querator?connect_timeout=10',
  'postgres://querator_user:secure_password@db-primary.internal:5432/querator?sslmode=verify-full&pool_max_conns=20',
  'postgres://user:pass@managed-postgres.cloud:5432/querator?sslmode=require',
])('the connection string %s of the storage document', async (connectionString) => {
  expect(await take(storage('postgres-01', connectionString, '\n      max-conns: 50'))).toEqual([
    'postgres-01 1',
  ]);
  expect(await take(storage('postgres-01', connectionString))).toEqual(['postgres-01 1']);
});
