import { type LeasedItem, unavailable } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import type { Service } from '../../src/index.ts';
import { payloadOf } from '../support/harness.ts';
import { FAULTS, MOVE_CALLS, MoveWorld } from '../support/move-run.ts';
import { RandomMovers } from '../support/random-movers.ts';

const TEXTS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

/** A queue with these items. */
async function start(settings: Parameters<MoveWorld['createQueue']>[0] = {}) {
  const world = new MoveWorld();
  await world.createQueue(settings);
  for (const service of world.services) await service.queues.info('q');
  await world.produce(world.service, ...TEXTS);
  return world;
}

let clients = 0;
async function lease(world: MoveWorld, service: Service, batchSize = 1): Promise<readonly LeasedItem[]> {
  const call = { queueName: 'q', batchSize, clientId: `c${clients++}`, requestTimeout: '10s' };
  const answer = await world.answered(service.queue.lease(call));
  return 'value' in answer ? answer.value.items : [];
}

const complete = (world: MoveWorld, service: Service, items: readonly { readonly id: string }[]) =>
  world.answered(
    service.queue.complete({
      queueName: 'q',
      partition: 0,
      ids: items.map(({ id }) => id),
      requestTimeout: '10s',
    }),
  );

describe('the move of a partition to another storage', () => {
  test('takes all items along, in order, with leases that stay good at every server', async () => {
    const world = await start();
    const [one, two] = world.services as [Service, Service];
    const held = await lease(world, two, 2);
    const run = await (await world.move()).toEnd();
    expect([run.end, run.counts]).toEqual(['done', { matched: 7, done: 7, failed: 0 }]);
    expect(await world.placement()).toEqual({ partition: 0, storageName: 'far' });
    // The second server has not noticed the move yet.
    expect(await complete(world, two, held.slice(0, 1))).toEqual({ value: undefined });
    expect(await complete(world, one, held.slice(1))).toEqual({ value: undefined });
    await world.produce(two, 'h');
    expect((await lease(world, one, 100)).map(payloadOf)).toEqual([...TEXTS.slice(2), 'h']);
    expect([await world.payloads(world.near), (await world.payloads(world.far)).length]).toEqual([[], 6]);
    const request = { state: 'queued', pivot: '', limit: 10 } as const;
    const stored = await world.far.partitionStore({ queue: 'q', partition: 0 }).list(request);
    const ids = stored.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
  });

  test('has no effect in a process that was suspended before the switch, and replaced', async () => {
    const world = await start();
    let resume = () => {};
    let atSwitch = () => {};
    const suspended = new Promise<void>((resolve) => (atSwitch = resolve));
    const run = await (await world.move()).untilSwitch((change) => {
      if (change !== 2) return;
      atSwitch();
      return new Promise<void>((resolve) => (resume = resolve));
    });
    const step = run.step();
    await suspended;
    const other = run.takenOver();
    world.lacking = unavailable('retry', 'not here');
    await expect(other.step()).rejects.toThrow('not here');
    expect(await world.isClosed(world.near)).toBe(false);
    await world.produce(world.service, 'h');
    resume();
    await expect(step).rejects.toMatchObject({ stale: true });
    expect(await world.placement()).toMatchObject({ storageName: 'near', moving: { generation: 2 } });
    await expect(run.step()).rejects.toMatchObject({ stale: true });
    expect(await world.placement()).toMatchObject({ storageName: 'near', moving: { generation: 2 } });
    world.lacking = undefined;
    expect((await other.toEnd()).end).toBe('done');
    expect(await world.payloads(world.far)).toEqual([...TEXTS, 'h']);
  });

  test('takes along what is produced while it closes the source', async () => {
    const world = await start();
    const run = await (await world.move()).untilSwitch(async (change) => {
      if (change === 1) await world.produce(world.service, 'late');
    });
    await run.toEnd();
    expect(await world.payloads(world.far)).toEqual([...TEXTS, 'late']);
  });

  test('opens the source again if anything fails before the switch', async () => {
    const world = await start();
    const run = await (await world.move()).untilSwitch();
    world.fail('write', 'not-applied');
    await expect(run.step()).rejects.toThrow('injected');
    expect(await world.isClosed(world.near)).toBe(false);
  });

  test('keeps the source closed if the switch has taken effect without an answer', async () => {
    const world = await start();
    const run = await (await world.move()).untilSwitch((change) => {
      if (change === 2) world.fail('place', 'unknown-applied');
      else world.heal();
    });
    await run.step();
    expect(await world.placement()).toEqual({ partition: 0, storageName: 'far' });
    expect([await world.isClosed(world.near), await world.isClosed(world.far)]).toEqual([true, false]);
    expect((await run.toEnd()).end).toBe('done');
  });

  test('serves producers and consumers during each of its steps', async () => {
    const world = await start();
    const run = await world.move();
    const seen: string[] = [];
    for (let n = 0; run.end === undefined; n++) {
      const service = world.services[n % 2] as Service;
      await world.produce(service, `later ${String(n).padStart(3, '0')}`);
      const leased = await lease(world, service);
      seen.push(...leased.map(payloadOf));
      expect(await complete(world, service, leased)).toEqual({ value: undefined });
      await run.step();
    }
    const rest = await lease(world, world.services[1] as Service, 100);
    const all = [...seen, ...rest.map(payloadOf)];
    expect(all).toEqual([...TEXTS, ...all.filter((text) => text.startsWith('later')).sort()]);
    expect(all).toHaveLength(TEXTS.length + seen.length);
  });

  test('waits while a server cannot use the target, and closes nothing', async () => {
    const world = await start();
    const run = await world.move();
    world.lacking = unavailable('retry', 'not here');
    for (let n = 0; n < 10; n++) await run.step().catch(() => {});
    await expect(run.step()).rejects.toThrow('not here');
    expect(await world.placement()).toMatchObject({ storageName: 'near', moving: { to: 'far' } });
    expect(await world.produce(world.service, 'h')).toEqual({ value: undefined });
    world.lacking = undefined;
    expect((await run.toEnd()).end).toBe('done');
    expect(await world.payloads(world.far)).toEqual([...TEXTS, 'h']);
  });

  test('goes back when it is cancelled, at each step before the switch', async () => {
    for (let steps = 0; ; steps++) {
      const world = await start();
      const run = await world.move();
      for (let n = 0; n < steps && run.end === undefined; n++) await run.step();
      const hasMoved = (await world.placement())?.storageName === 'far';
      await run.takenOver().undo();
      expect(await world.placement()).toEqual({ partition: 0, storageName: hasMoved ? 'far' : 'near' });
      await world.clock.advance('2s');
      await world.produce(world.service, 'h');
      const [here, there] = hasMoved ? [world.far, world.near] : [world.near, world.far];
      expect([await world.payloads(here), await world.payloads(there)]).toEqual([[...TEXTS, 'h'], []]);
      expect((await lease(world, world.services[1] as Service, 10)).map(payloadOf)).toEqual([...TEXTS, 'h']);
      expect(await world.isClosed(there)).toBe(hasMoved);
      if (run.end !== undefined) break;
    }
  });

  test('only counts in a dry run', async () => {
    const world = await start();
    const run = await (await world.move({}, true)).toEnd();
    expect(run.counts).toEqual({ matched: 7, done: 0, failed: 0 });
    expect(await world.placement()).toEqual({ partition: 0, storageName: 'near' });
  });

  test('ends when the queue is deleted, and leaves nothing behind', async () => {
    const world = await start();
    const run = await world.move();
    for (let n = 0; n < 3; n++) await run.step();
    await world.answered(world.service.queues.delete('q', true));
    await world.createQueue();
    await world.produce(world.service, 'new');
    expect((await run.takenOver().toEnd()).end).toEqual({ error: 'the queue was deleted' });
    expect([await world.payloads(world.near), await world.payloads(world.far)]).toEqual([['new'], []]);
    await world.produce(world.service, 'newer');
    expect(await world.payloads(world.near)).toEqual(['new', 'newer']);
  });

  test('fails if the target has items of the partition, and opens the source again', async () => {
    const world = await start();
    const store = world.far.partitionStore({ queue: 'q', partition: 0 });
    const run = await world.move();
    await store.import(
      [
        {
          encoding: '',
          kind: '',
          reference: '',
          payload: new Uint8Array(),
          isLeased: false,
          attempts: 0,
          maxAttempts: 0,
        },
      ],
      1_000_000_000n as never,
    );
    await run.step();
    expect(run.end).toEqual({ error: expect.stringContaining('holds items of this partition already') });
    expect(await world.placement()).toEqual({ partition: 0, storageName: 'near' });
    await world.produce(world.service, 'h');
    expect(await world.payloads(world.near)).toEqual([...TEXTS, 'h']);
  });

  test.each([
    [{ storageName: '' }, 'storage_name is invalid; cannot be empty'],
    [{ storageName: 'x' }, "storage_name is invalid; no such storage 'x'"],
    [{ storageName: 'near' }, "storage_name is invalid; the partition is on storage 'near' already"],
    [{ partition: 1 }, "partition is invalid; '1' is not a valid partition"],
    [{ filter: { kind: 'x' } }, 'filter is invalid; a partition moves with all its items'],
    [{ to: 'other' }, "to is invalid; a task of the kind 'move_partition' has storage_name instead"],
  ])('is refused with %o', async (call, text) => {
    const world = await start();
    await expect(world.prepare(call)).rejects.toThrow(text);
  });

  describe.each(MOVE_CALLS)('if the storage call %s fails', (call) => {
    test.each(FAULTS)('(%s) ends with every item in one place, in another process too', async (how) => {
      for (let steps = 0; ; steps++) {
        const world = await start();
        let run = await world.move();
        for (let n = 0; n < steps && run.end === undefined; n++) await run.step();
        if (run.end !== undefined) break;
        world.fail(call, how);
        await run.step().catch(() => {});
        world.heal();
        const answer = await world.produce(world.service, 'h');
        const stored = 'value' in answer ? ['h'] : [];
        if ('error' in answer) expect(String(answer.error)).not.toContain('unknown');
        run = await run.takenOver().toEnd();
        expect(run.end).toBe('done');
        await world.produce(world.services[1] as Service, 'i');
        expect(await world.payloads(world.near)).toEqual([]);
        expect(await world.payloads(world.far)).toEqual([...TEXTS, ...stored, 'i']);
      }
    });
  });

  // The last ones are past failures.
  const seeds = [...Array.from({ length: 150 }, (_, n) => n + 1), 154, 2_107];
  test.each(seeds)('loses and doubles nothing, whatever happens in between (seed %i)', async (seed) => {
    const random = new SeededRandom(seed);
    const draw = <T>(all: readonly T[]) => all[Math.floor(random.fraction() * all.length)] as T;
    const world = await start({ leaseTimeout: '60s', expireTimeout: '24h' });
    /** What is in the queue and waits, in its order; and what is leased. */
    const waiting = [...TEXTS];
    const held: LeasedItem[] = [];
    const done: string[] = [];
    const movers = new RandomMovers(await world.move(), draw);
    let later = 0;
    for (let n = 0; n < 40; n++) {
      const service = draw(world.services);
      switch (
        draw([
          'step',
          'step',
          'step',
          'fault',
          'killed',
          'stale',
          'stale undo',
          'produce',
          'lease',
          'complete',
          'retry',
        ])
      ) {
        case 'step':
          await movers.step();
          break;
        case 'fault':
          world.fail(draw(MOVE_CALLS), draw(FAULTS));
          await movers.step();
          world.heal();
          break;
        case 'killed':
          await movers.takeOver();
          break;
        case 'stale':
          await movers.stepOfSuspended();
          break;
        case 'stale undo': {
          const stale = movers.suspended();
          if (movers.run.phase !== undefined) await stale?.undo().catch(() => {});
          break;
        }
        case 'produce': {
          const text = `later ${later++}`;
          if ('value' in (await world.produce(service, text))) waiting.push(text);
          break;
        }
        case 'lease': {
          if (waiting.length === 0) break;
          const items = await lease(world, service, 2);
          expect(items.map(payloadOf)).toEqual(waiting.splice(0, items.length));
          held.push(...items);
          break;
        }
        case 'complete': {
          const item = held.shift();
          if (item === undefined) break;
          const answer = await complete(world, service, [item]);
          if ('value' in answer) done.push(payloadOf(item));
          else held.unshift(item);
          break;
        }
        default: {
          const item = held.shift();
          if (item === undefined) break;
          const items = [{ id: item.id, dead: false, retryAt: undefined }];
          const answer = await world.answered(service.queue.retry({ queueName: 'q', partition: 0, items }));
          if ('value' in answer) waiting.push(payloadOf(item));
          else held.unshift(item);
        }
      }
    }
    const cancelled = random.fraction() < 0.3;
    const run = movers.run.takenOver();
    if (run.end === undefined) await (cancelled ? run.undo() : run.toEnd());
    const { storageName } = (await world.placement()) ?? { storageName: '' };
    if (!cancelled) expect(storageName).toBe('far');
    for (const item of held) {
      const answer = await complete(world, draw(world.services), [item]);
      // A lease of a minute may have ended meanwhile.
      if ('value' in answer) done.push(payloadOf(item));
      else waiting.push(payloadOf(item));
    }
    const [here, there] = storageName === 'far' ? [world.far, world.near] : [world.near, world.far];
    expect((await world.payloads(here)).sort()).toEqual([...waiting].sort());
    expect(await world.payloads(there)).toEqual([]);
    expect(new Set(done).size).toBe(done.length);
    await world.produce(draw(world.services), 'last');
    expect((await world.payloads(here)).at(-1)).toBe('last');
  });
});
