import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import type { Service } from '../../src/index.ts';
import { item, payloadOf } from '../support/harness.ts';
import { RandomMovers } from '../support/random-movers.ts';
import { CARRYING_CALLS, LEAVING_CALLS, ResizeWorld } from '../support/resize-run.ts';

const SETTINGS = { namespace: '', expireTimeout: '2h', reference: '' };
const LETTER_CALLS = [
  'prepareLetters',
  'commitLetters',
  'abortLetters',
  'findLetters',
  'markMoved',
  'remove',
] as const;
const FAULTS = ['not-applied', 'unknown-applied', 'unknown-lost'] as const;

/** A dead-letter queue with four partitions, and a queue whose items die when their first lease ends. */
async function start() {
  const world = new ResizeWorld();
  await world.service.queues.create({
    ...{
      ...SETTINGS,
      queueName: 'q',
      leaseTimeout: '10m',
      deadQueue: '',
      maxAttempts: 0,
      requestedPartitions: 4,
    },
  });
  await world.service.queues.create({
    ...{ ...SETTINGS, queueName: 'mortal', leaseTimeout: '5s', deadQueue: 'q', maxAttempts: 1 },
    requestedPartitions: 1,
  });
  for (const service of world.services) await service.queues.info('q');
  return world;
}

/** Produces items, and leases them for the last time. */
async function die(world: ResizeWorld, service: Service, texts: readonly string[]): Promise<void> {
  const items = texts.map((text) => item(text));
  await world.answered(service.queue.produce({ queueName: 'mortal', requestTimeout: '10s', items }));
  const call = { queueName: 'mortal', batchSize: 100, clientId: texts.join(), requestTimeout: '1s' };
  await world.answered(service.queue.lease(call));
}

let clients = 0;
/** Takes all letters that there are. */
async function consume(world: ResizeWorld, service: Service): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const call = { queueName: 'q', batchSize: 10, clientId: `c${clients++}`, requestTimeout: '1s' };
    const leased = await world.answered(service.queue.lease(call));
    if (!('value' in leased) || leased.value.items.length === 0) return seen;
    const { partition, items } = leased.value;
    const ids = items.map(({ id }) => id);
    const request = { queueName: 'q', partition, ids, requestTimeout: '10s' };
    expect(await world.answered(service.queue.complete(request))).toEqual({ value: undefined });
    seen.push(...items.map(payloadOf));
  }
}

describe('a dead-letter queue that gets fewer partitions', () => {
  test('commits letters where they were prepared, and takes new ones in those that stay', async () => {
    const world = await start();
    const texts = Array.from({ length: 16 }, (_, n) => `before ${n}`);
    // The letters are prepared, and their originals are not marked.
    for (const storage of [world.near, world.far]) storage.fail('markMoved', 0, 'not-applied');
    await die(world, world.service, texts);
    await world.clock.advance('12s');
    const run = await world.resize(2);
    await run.step();
    expect((await world.queue())?.resizes?.spread).toEqual([4, 2]);
    for (let n = 0; n < 4; n++) await run.step();
    expect(await world.placed()).toHaveLength(4);
    for (const storage of [world.near, world.far]) storage.heal(0);
    for (let n = 0; n < 40; n++) await world.clock.advance('2s');
    const [, , ...leaving] = await world.inPartitions();
    expect(leaving.every((letters) => letters.length > 0)).toBe(true);
    const later = Array.from({ length: 16 }, (_, n) => `later ${n}`);
    await die(world, world.service, later);
    for (let n = 0; n < 40; n++) await world.clock.advance('2s');
    const [first = [], second = []] = await world.inPartitions();
    expect([...first, ...second].filter((text) => text.startsWith('later')).sort()).toEqual(later.sort());
    expect((await consume(world, world.service)).sort()).toEqual([...texts, ...later].sort());
    expect((await run.toEnd()).end).toBe('done');
    await world.clock.advance('61m');
    expect(await consume(world, world.service)).toEqual([]);
  });

  const seeds = Array.from({ length: 40 }, (_, n) => n + 1);
  test.each(seeds)('loses and doubles no letter, whatever happens in between (seed %i)', async (seed) => {
    const random = new SeededRandom(seed);
    const draw = <T>(all: readonly T[]) => all[Math.floor(random.fraction() * all.length)] as T;
    const world = await start();
    const died: string[] = [];
    const seen: string[] = [];
    // In half of them its letters move.
    const move = seed % 2 === 0;
    const movers = new RandomMovers(await world.resize(1 + (seed % 3), { move }), draw);
    for (let n = 0; n < 30; n++) {
      const service = draw(world.services);
      switch (
        draw(['step', 'step', 'fault', 'letters', 'killed', 'stale', 'die', 'die', 'consume', 'time', 'time'])
      ) {
        case 'step':
          await movers.step();
          break;
        case 'fault':
          world.failResize(draw(move ? [...LEAVING_CALLS, ...CARRYING_CALLS] : LEAVING_CALLS), draw(FAULTS));
          await movers.step();
          world.heal();
          break;
        case 'letters': {
          const [call, how] = [draw(LETTER_CALLS), draw(FAULTS)];
          for (const storage of [world.near, world.far])
            for (let p = 0; p < 4; p++) storage.fail(call, p, how);
          await world.clock.advance('7s');
          await movers.step();
          world.heal();
          break;
        }
        case 'killed':
          await movers.takeOver();
          break;
        case 'stale':
          await movers.stepOfSuspended();
          break;
        case 'die': {
          const texts = Array.from({ length: 6 }, (_, i) => `d${n}.${i}`);
          await die(world, service, texts);
          died.push(...texts);
          break;
        }
        case 'consume':
          seen.push(...(await consume(world, service)));
          break;
        default:
          await world.clock.advance('6s');
      }
    }
    const run = movers.run.takenOver();
    const cancelled = random.fraction() < 0.3;
    for (let n = 0; run.end === undefined || n < 30; n++) {
      if (run.end === undefined) await (cancelled ? run.undo() : run.step());
      await world.clock.advance('20s');
      seen.push(...(await consume(world, draw(world.services))));
      expect(n).toBeLessThan(100);
    }
    expect(seen.toSorted()).toEqual(died.toSorted());
    await world.clock.advance('61m');
    expect(await consume(world, world.service)).toEqual([]);
  });
});
