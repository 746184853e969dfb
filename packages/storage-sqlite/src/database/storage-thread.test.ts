import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Instant } from '@querator/core';
import { expect, onTestFinished, test } from 'vitest';
import type { Request } from '../messages/requests.ts';
import { StorageThread, ThreadEndedError } from './storage-thread.ts';

const key = { queue: 'mail', partition: 0 };
const probe: Request = {
  type: 'group',
  calls: [{ name: 'probe', args: { key }, now: 1n as Instant }],
};

async function newStart() {
  const folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return { path: folder, durability: 'full', role: 'write', seed: 'seed' } as const;
}

test('a thread that is ended leaves the file to the next one', async () => {
  const start = await newStart();
  const first = new StorageThread(start);
  expect(await first.ask(probe)).toMatchObject({ ok: true });
  await first.end();
  await expect(first.ask(probe)).rejects.toThrow(ThreadEndedError);
  const second = new StorageThread(start);
  expect(await second.ask(probe)).toMatchObject({ ok: true });
  await second.end();
});

test('a request that the thread does not live to answer is rejected', async () => {
  const thread = new StorageThread(await newStart());
  const asked = thread.ask(probe).catch((error: unknown) => error);
  await thread.end();
  // The answer may have been under way already.
  const outcome = await asked;
  if (!(outcome instanceof Error)) expect(outcome).toMatchObject({ ok: true });
  else expect(outcome).toBeInstanceOf(ThreadEndedError);
  expect(thread.hasEnded).toBe(true);
});
