import { QueueError } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { PlacingWorld, type WantedStorages } from '../support/placing-world.ts';
import type { TaskProcess } from '../support/task-processes.ts';

const OPEN: WantedStorages = { near: { affinity: 0 }, far: { affinity: 2 }, third: { affinity: 1 } };
const FROM_NEAR: WantedStorages = { ...OPEN, near: { affinity: 0, drain: true } };
const SEEDS = 60;

/** Creates a resize as soon as no partition of the queue moves, like an operator who tries again. */
async function resize(world: PlacingWorld, process: TaskProcess, partitions: number): Promise<void> {
  const fate = process.onCall;
  process.onCall = () => 'goes on';
  await world.until(
    async () => {
      try {
        await process.create({ kind: 'resize', queueName: 'q0', partitions });
        return true;
      } catch (error) {
        if (error instanceof QueueError) return false;
        throw error;
      }
    },
    { step: '20ms' },
  );
  process.onCall = fate;
}

test(`a storage drains while a queue on it gets more partitions (${SEEDS} seeds with failures)`, {
  timeout: 60_000,
}, async () => {
  let resizedBeforeEnd = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = new SeededRandom(seed);
    const world = new PlacingWorld();
    const maker = world.make(OPEN);
    await world.createQueues(maker, 2, { partitions: 3, items: 5 });
    await maker.service.shutdown();
    world.view = undefined;
    const processes = [world.make(FROM_NEAR), world.make(FROM_NEAR)];
    for (const process of processes) {
      process.onCall = () => (random.fraction() < 0.04 ? 'fails after' : 'goes on');
      process.service.tasks.start();
      process.service.drains.start();
    }
    await world.clock.advance(`${Math.floor(random.fraction() * 3_000)}ms`);
    const [asked] = processes;
    await resize(world, asked as TaskProcess, 5);
    const { near = 0 } = await world.counts();
    if (near > 0) resizedBeforeEnd++;
    // A process that is replaced: the other one goes on with whatever it did.
    if (random.fraction() < 0.5) world.end(asked as TaskProcess, 'p1');
    await world.until(
      async () =>
        (await world.tasks('resize', 'done')).length === 1 &&
        (await world.tasks('move_partition', 'running')).length === 0 &&
        (await world.counts())['near'] === undefined,
    );
    const placed = (await world.placed())['q0'] ?? [];
    expect([seed, placed.length, placed.filter((text) => /near|moving/.test(text))]).toEqual([seed, 5, []]);
    for (const name of ['q0', 'q1'])
      expect((await world.payloads(name)).sort()).toEqual([0, 1, 2, 3, 4].map((n) => `${name}/${n}`));
    for (const process of processes) process.kill();
  }
  expect(resizedBeforeEnd).toBeGreaterThan(SEEDS / 4);
});
