import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { beforeEach, describe, expect, test } from 'vitest';
import { Process } from './support/process.ts';

describe('the rules between two queues hold against changes by another process', () => {
  let here: Process;
  let there: Process;

  beforeEach(async () => {
    const storage = { name: 'mem', clock: new ManualClock(), random: new SeededRandom() };
    const shared = memoryBackend(storage);
    here = new Process(shared, 1);
    there = new Process(shared, 2);
    for (const name of ['a', 'b', 'c']) await here.create(name);
  });

  /** Runs `change` here, and holds its write until `meanwhile` has ended there. */
  async function overtaken(
    operation: 'create' | 'update' | 'delete' | 'beginDelete',
    change: () => Promise<unknown>,
    meanwhile: () => Promise<unknown>,
  ) {
    const release = here.storage.holdQueues(operation, 'before');
    const changed = change().then(
      () => 'done',
      (error: Error) => error.message,
    );
    await here.wake();
    await meanwhile();
    release();
    return changed;
  }

  test('the later of two updates that point at each other is refused', async () => {
    const refused = await overtaken(
      'update',
      () => here.update('a', { deadQueue: 'b' }),
      () => there.update('b', { deadQueue: 'a' }),
    );
    expect(refused).toBe("dead_queue is invalid; 'b' already has its own dead_queue configured");
  });

  test('an update is refused if another queue has begun to use its queue', async () => {
    const refused = await overtaken(
      'update',
      () => here.update('b', { deadQueue: 'c' }),
      () => there.update('a', { deadQueue: 'b' }),
    );
    expect(refused).toBe("dead_queue is invalid; 'b' is itself the dead_queue of 'a'");
  });

  test('a create is refused if its dead-letter queue has got one', async () => {
    const refused = await overtaken(
      'create',
      () => here.create('new', { deadQueue: 'b' }),
      () => there.update('b', { deadQueue: 'c' }),
    );
    expect(refused).toBe("dead_queue is invalid; 'b' already has its own dead_queue configured");
  });

  test('a create is refused if its dead-letter queue was deleted', async () => {
    const refused = await overtaken(
      'create',
      () => here.create('new', { deadQueue: 'b' }),
      () => there.service.queues.delete('b', false),
    );
    expect(refused).toBe("dead_queue does not exist; 'b' was not found, create it first");
  });

  test('a deletion is refused before any item is removed', async () => {
    await here.produce('b', 'precious');
    const refused = await overtaken(
      'beginDelete',
      () => here.service.queues.delete('b', false),
      () => there.update('a', { deadQueue: 'b' }),
    );
    expect(refused).toBe(
      "queue is in use; 'b' is the dead_queue of 'a', update that queue first or use force",
    );
    expect(await here.stored('b')).toEqual(['precious']);
  });

  test('no queue can begin to use a queue whose items are being removed', async () => {
    await here.produce('b', 'item');
    const release = here.storage.hold('drop', 0, 'before');
    const deleted = here.service.queues.delete('b', false);
    await here.wake();
    await expect(there.update('a', { deadQueue: 'b' })).rejects.toThrow(
      "dead_queue does not exist; 'b' is being deleted",
    );
    await expect(there.create('new', { deadQueue: 'b' })).rejects.toThrow(
      "dead_queue does not exist; 'b' is being deleted",
    );
    release();
    await deleted;
    await expect(there.service.queues.info('b')).rejects.toMatchObject({ code: 'invalid' });
  });

  test('a queue whose deletion failed can be used again after some time', async () => {
    const storage = new ManualClock();
    const shared = memoryBackend({ name: 'mem', clock: storage, random: new SeededRandom() });
    here = new Process(shared, 1);
    for (const name of ['a', 'b']) await here.create(name);
    here.storage.fail('drop', 0, 'not-applied');
    await expect(here.service.queues.delete('b', false)).rejects.toMatchObject({ code: 'retry' });
    await storage.advance('1m');
    await here.update('a', { deadQueue: 'b' });
    expect((await here.service.queues.info('a')).deadQueue).toBe('b');
  });

  test('a queue that others still name after a forced deletion can be created again only without a dead-letter queue', async () => {
    await here.update('a', { deadQueue: 'b' });
    await here.service.queues.delete('b', true);
    await expect(here.create('b', { deadQueue: 'c' })).rejects.toThrow(
      "dead_queue is invalid; 'b' is itself the dead_queue of 'a'",
    );
    await here.create('b');
  });
});
