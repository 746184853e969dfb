import { parseDuration } from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { StorageMetrics } from '../../src/observability/storage-metrics.ts';

test('measures calls on users and their rights', async () => {
  const clock = new ManualClock();
  const registry = new Registry();
  const backend = memoryBackend({ name: 'mem', clock, random: new SeededRandom() });
  const store = new StorageMetrics(registry, clock).measure(backend).accessStore?.();
  expect(await store?.generation()).toBe(0);
  await store?.grants({ userId: 'nobody' });
  const failing = store?.change(async () => {
    await clock.advance('1s');
    throw new Error('refused');
  });
  await expect(failing).rejects.toThrow('refused');
  const text = await registry.metrics();
  const count = (operation: string, result: string) =>
    text.includes(
      `querator_storage_duration_seconds_count{storage="mem",operation="${operation}",result="${result}"} 1`,
    );
  expect(count('access_generation', 'ok')).toBe(true);
  expect(count('access_grants', 'ok')).toBe(true);
  expect(count('access_change', 'failed')).toBe(true);
  expect(text).toContain('_sum{storage="mem",operation="access_change",result="failed"} 1\n');
});

test('measures calls on audit events', async () => {
  const clock = new ManualClock();
  const registry = new Registry();
  const backend = memoryBackend({ name: 'mem', clock, random: new SeededRandom() });
  const store = new StorageMetrics(registry, clock).measure(backend).auditStore?.();
  await store?.append([]);
  await store?.prune(parseDuration('1h'), 1);
  const text = await registry.metrics();
  for (const operation of ['audit_append', 'audit_prune']) {
    expect(text).toContain(`_count{storage="mem",operation="${operation}",result="ok"} 1\n`);
  }
});

test('gives a storage no access store and no audit store that it lacks', () => {
  const clock = new ManualClock();
  const backend = new FaultyStorage(memoryBackend({ name: 'mem', clock, random: new SeededRandom() }));
  const measured = new StorageMetrics(new Registry(), clock).measure(backend);
  expect(measured.accessStore).toBeUndefined();
  expect(measured.auditStore).toBeUndefined();
});
