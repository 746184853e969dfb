import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Instant, parseDuration } from '@querator/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pack } from '../messages/packed-payloads.ts';
import type { Reply } from '../messages/requests.ts';
import { FileServer } from './serve-file.ts';

const now = 1_000_000n as Instant;
const key = { queue: 'mail', partition: 0 };

/** The call that produces one item with a payload of this size. */
function produceOf(bytes: number) {
  const item = { encoding: '', kind: '', reference: '', payload: new Uint8Array(bytes) };
  const requests = [{ count: 1, returnIds: false }];
  return {
    name: 'produce',
    args: { key, items: pack([item]), requests, expireTimeout: parseDuration('1h') },
    now,
  };
}

describe('the server of a file', () => {
  let folder: string;
  let server: FileServer;
  const produce = (...bytes: number[]) => server.answer({ type: 'group', calls: bytes.map(produceOf) });
  const waiting = () => {
    const reply = server.answer({ type: 'group', calls: [{ name: 'stats', args: { key }, now }] });
    const result = reply.ok ? reply.results[0] : undefined;
    return result?.ok === true ? (result.value as { waiting: number }).waiting : undefined;
  };
  const failureOf = (reply: Reply) => (reply.ok ? undefined : reply.failure);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
    server = new FileServer({ path: folder, durability: 'normal', role: 'write', seed: 'seed' });
  });
  afterEach(async () => {
    server.answer({ type: 'close' });
    await rm(folder, { recursive: true });
  });

  test('reports a full disk, changes nothing, and serves again when there is room', () => {
    expect(produce(10).ok).toBe(true);
    const pages =
      server.idleFile?.connection.get<{ page_count: bigint }>('pragma page_count')?.page_count ?? 0n;
    server.idleFile?.connection.exec(`pragma max_page_count = ${pages + 10n}`);
    // The first call would fit.
    expect(failureOf(produce(10, 1_000_000))).toEqual({
      kind: 'storage',
      message: `file '${folder}/querator.db': the disk is full (database or disk is full)`,
      outcome: 'not-applied',
    });
    expect(waiting()).toBe(1);
    server.idleFile?.connection.exec(`pragma max_page_count = ${pages + 1_000n}`);
    expect(produce(10, 1_000_000).ok).toBe(true);
    expect(waiting()).toBe(3);
  });

  test.each([
    ['full', 2n],
    ['normal', 1n],
  ] as const)("with durability %s sets SQLite's synchronous to %s", (durability, synchronous) => {
    server.answer({ type: 'close' });
    server = new FileServer({ path: folder, durability, role: 'write', seed: 'seed' });
    expect(produce(1).ok).toBe(true);
    const connection = server.idleFile?.connection;
    expect(connection?.get('pragma synchronous')).toEqual({ synchronous });
    expect(connection?.get('pragma journal_mode')).toEqual({ journal_mode: 'wal' });
    expect(connection?.get('pragma auto_vacuum')).toEqual({ auto_vacuum: 2n });
  });

  test('undoes the call of a group that fails, and keeps the others', () => {
    const calls = [produceOf(1), { name: 'produce', args: { key }, now }, produceOf(2)];
    const reply = server.answer({ type: 'group', calls });
    expect(reply.ok && reply.results.map(({ ok }) => ok)).toEqual([true, false, true]);
    expect(waiting()).toBe(2);
  });

  test('uses no number of an id again after a rollback', () => {
    const ids = new Set<string>();
    const idsOf = (reply: Reply) => {
      const [result] = reply.ok ? reply.results : [];
      const [outcome] = result?.ok === true ? (result.value as { value: { ids: string[] } }[]) : [];
      return outcome?.value.ids ?? [];
    };
    const call = produceOf(1);
    const named = { ...call, args: { ...call.args, requests: [{ count: 1, returnIds: true }] } };
    for (let round = 0; round < 4; round++) {
      server.answer({ type: 'begin' });
      for (const id of idsOf(server.answer({ type: 'call', call: named }))) ids.add(id.slice(0, 17));
      server.answer({ type: 'rollback' });
      for (const id of idsOf(server.answer({ type: 'group', calls: [named] }))) ids.add(id.slice(0, 17));
    }
    expect(ids.size).toBe(8);
    server.answer({ type: 'close' });
    const [next] = idsOf(server.answer({ type: 'group', calls: [named] }));
    expect([...ids].every((id) => id < (next ?? ''))).toBe(true);
  });
});
