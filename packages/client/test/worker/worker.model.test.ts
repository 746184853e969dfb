import type { ItemId } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConnectionLostError, worker } from '../../src/index.ts';
import type { QueuePort } from '../../src/port/queue-port.ts';
import { FakeQueue } from '../support/fake-queue.ts';

const decoder = new TextDecoder();

/** What happens to one call on its way. */
interface Weather {
  readonly thereMs: number;
  readonly backMs: number;
  /** What is lost: the request, the reply, or nothing. */
  readonly loses: 'request' | 'reply' | 'nothing';
}

interface Work {
  readonly takesMs: number;
  readonly throws: boolean;
}

interface Scenario {
  readonly leaseSeconds: number;
  readonly canExtend: boolean;
  readonly concurrency: number;
  readonly items: number;
  readonly weather: readonly Weather[];
  readonly work: readonly Work[];
  /** How long there are faults and long handlers. */
  readonly stormSeconds: number;
}

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  leaseSeconds: fc.integer({ min: 1, max: 8 }),
  canExtend: fc.boolean(),
  concurrency: fc.integer({ min: 1, max: 4 }),
  items: fc.integer({ min: 1, max: 12 }),
  weather: fc.array(
    fc.record({
      thereMs: fc.nat(800),
      backMs: fc.oneof(fc.nat(200), fc.nat(9_000)),
      loses: fc.constantFrom('request', 'reply', 'nothing', 'nothing', 'nothing'),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  work: fc.array(fc.record({ takesMs: fc.oneof(fc.nat(500), fc.nat(20_000)), throws: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  }),
  stormSeconds: fc.integer({ min: 1, max: 60 }),
});

/** Runs a worker through a scenario, then through fair weather, until the queue is empty. */
async function run(scenario: Scenario) {
  const clock = new ManualClock();
  const queue = new FakeQueue(clock, `${scenario.leaseSeconds}s`);
  const names = Array.from({ length: scenario.items }, (_, n) => `${n}`);
  queue.add(...names);
  const stormEnds = clock.now() + BigInt(scenario.stormSeconds) * 1_000_000n;
  const isStorm = () => clock.now() < stormEnds;
  const wait = (delayMs: number) => new Promise<void>((resolve) => clock.startTimer(delayMs, resolve));

  let calls = 0;
  const throughWeather = async <T>(call: () => Promise<T>): Promise<T> => {
    const { thereMs, backMs, loses } = scenario.weather[calls++ % scenario.weather.length] as Weather;
    if (!isStorm()) return call();
    await wait(thereMs);
    if (loses === 'request') throw new ConnectionLostError('url', 'the request was lost');
    const reply = await call();
    await wait(backMs);
    if (loses === 'reply') throw new ConnectionLostError('url', 'the reply was lost');
    return reply;
  };
  const calm = queue.port({ canExtend: scenario.canExtend });
  const { extend } = calm;
  const sent = new Set<ItemId>();
  const port: QueuePort = {
    lease: (call, signal) => throughWeather(() => calm.lease(call, signal)),
    complete: (call) => {
      for (const id of call.ids) sent.add(id);
      return throughWeather(() => calm.complete(call));
    },
    retry: (call) => {
      for (const { id } of call.items) sent.add(id);
      return throughWeather(() => calm.retry(call));
    },
    extend: extend && ((call) => throughWeather(() => extend(call))),
  };

  // Collected, because an error of the handler would only fail its item.
  const breaches: string[] = [];
  let atWork = 0;
  let handled = 0;
  const finished: ItemId[] = [];
  const lost = new Set<ItemId>();
  const running = worker(port, {
    queue: 'q',
    clock,
    random: new SeededRandom(),
    stopSignals: [],
    concurrency: scenario.concurrency,
    retryDelay: () => 0,
    hooks: { lost: ({ id }) => lost.add(id), failed: () => {}, error: () => {} },
    handler: async ({ id, bytes }) => {
      if (!queue.isLeased(id))
        breaches.push(`${decoder.decode(bytes)} was started after its lease had ended`);
      atWork++;
      if (atWork > scenario.concurrency) breaches.push(`${atWork} handlers at a time`);
      const { takesMs, throws } = scenario.work[handled++ % scenario.work.length] as Work;
      await wait(isStorm() ? takesMs : 10);
      atWork--;
      finished.push(id);
      if (throws && isStorm()) throw new Error('no luck');
    },
  });
  await clock.advance(`${scenario.stormSeconds}s`);
  // Every handler, call and back-off of the storm ends within two minutes.
  for (let seconds = 0; seconds < 180 && queue.left.length > 0; seconds += 5) await clock.advance('5s');
  const stopped = running.stop();
  await clock.advance('1m');
  await stopped;
  return { clock, queue, names, breaches, finished, lost, sent };
}

test('a worker survives ended leases, lost answers and slow handlers', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios, async (scenario) => {
      const { clock, queue, names, breaches, finished, lost, sent } = await run(scenario);
      expect(breaches).toEqual([]);
      expect(queue.left).toEqual([]);
      expect(queue.log.completed.flat().toSorted()).toEqual(names.toSorted());
      const unsent = finished.filter((id) => !sent.has(id) && !lost.has(id));
      expect(unsent, 'handlers whose result was not sent').toEqual([]);
      expect(clock.pendingTimers).toBe(0);
    }),
    { numRuns: 300 },
  );
});
