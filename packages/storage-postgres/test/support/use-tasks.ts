import { milliseconds, type TaskStore } from '@querator/core';
import { expect } from 'vitest';
import { auditEvent } from './audit-content.ts';

/** Makes every call of the store of tasks. */
export async function useAllOfTasks(store: TaskStore): Promise<void> {
  const timeout = milliseconds(5_000);
  const task = {
    ...{ id: 'task', kind: 'k', version: 1, parameters: null, queue: 'q', namespace: '' },
    ...{ exclusive: 'q', needs: [], createdBy: 'a', rate: 1, dryRun: false },
  };
  await store.create(task, () => auditEvent('task'));
  expect(await store.get('task')).toMatchObject(task);
  expect(await store.namespaces()).toEqual(['']);
  const all = { namespaces: [''], kind: 'k', queue: 'q', state: 'running', after: undefined } as const;
  expect(await store.list({ ...all, limit: 10 })).toHaveLength(1);
  for (const generation of [1, 2]) {
    const claimed = await store.claim({ owner: 'a', kinds: [{ kind: 'k', version: 1 }], timeout });
    expect(claimed?.task).toMatchObject({ generation });
    if (generation === 1) await store.release({ id: 'task', generation });
  }
  const counts = { matched: 1, done: 1, failed: 0 };
  const change = { counts, checkpoint: 1, faults: 1, error: 'e', pause: milliseconds(1) };
  expect(await store.save({ id: 'task', generation: 2 }, change, timeout)).toBeDefined();
  await store.requestCancel('task', () => auditEvent('cancel'));
  expect(await store.end({ id: 'task', generation: 2 }, { state: 'cancelled', counts })).toBeDefined();
}
