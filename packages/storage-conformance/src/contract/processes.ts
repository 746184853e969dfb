import { describe, expect } from 'vitest';
import type { ProcessSetup } from '../fixture/storage-setup.ts';
import type { StorageTest } from '../fixture/storage-test.ts';
import { StorageProcess } from '../processes/storage-process.ts';

const QUEUE = 'mail';

/** Runs a test with a way to start processes on one new storage, and ends them. */
async function withProcesses(
  setup: ProcessSetup,
  body: (start: () => Promise<StorageProcess>) => Promise<void>,
): Promise<void> {
  const options = await setup.newOptions();
  const started: StorageProcess[] = [];
  const start = async () => {
    const one = await StorageProcess.start(setup, options);
    started.push(one);
    return one;
  };
  try {
    await body(start);
  } finally {
    await Promise.all(started.map((each) => each.kill()));
  }
}

/** What real processes find on one storage. They are created by the driver's definition, like those of a server. */
export function describeProcesses(test: StorageTest): void {
  describe('several processes', () => {
    // `shared`: "Several processes may use the storage at the same time", also while they create it
    test.ifSetup(
      'processes',
      ['shared'],
      'lose and duplicate nothing, from the creation of the storage on',
      (_, setup) =>
        withProcesses(setup, async (start) => {
          const all = await Promise.all([start(), start(), start()]);
          const results = await Promise.all(all.map((each, n) => each.run('work', [QUEUE, `p${n}`, 20])));
          const produced = results.flatMap((result) => result.produced);
          const completed = results.flatMap((result) => result.completed);
          const left = (await all[0]?.run('list', [QUEUE])) ?? [];
          expect(produced).toHaveLength(3 * 20 * 3);
          expect(left.filter(([, isLeased]) => isLeased)).toEqual([]);
          expect([...completed, ...left.map(([text]) => text)].sort()).toEqual([...produced].sort());
          for (let n = 0; n < 3; n++) {
            const own = left.map(([text]) => text).filter((text) => text.startsWith(`p${n}-`));
            const order = produced.filter((text) => own.includes(text));
            expect(own, 'the items of a process stay in its order').toEqual(order);
          }
        }),
    );

    // "The items of one request are stored all or not at all"; "A fulfilled promise means durable"
    test.ifSetup(
      'processes',
      ['durable'],
      'that is killed loses nothing that it acknowledged, and leaves no half',
      (_, setup) =>
        withProcesses(setup, async (start) => {
          const killed = await start();
          let acknowledged = -1;
          const { promise: enough, resolve } = Promise.withResolvers<void>();
          const producing = killed.run('produceUntilKilled', [QUEUE], (round) => {
            acknowledged = round;
            if (round === 25) resolve();
          });
          producing.catch(() => {});
          await enough;
          await killed.kill();
          const texts = ((await (await start()).run('list', [QUEUE])) ?? []).map(([text]) => text);
          expect(texts.length).toBeGreaterThanOrEqual((acknowledged + 1) * 3);
          const whole = Array.from({ length: texts.length / 3 }, (__, round) =>
            [0, 1, 2].map((n) => `${round}-${n}`),
          );
          expect(texts).toEqual(whole.flat());
        }),
    );

    // leases are durable: a crash frees no item before its deadline
    test.ifSetup('processes', ['durable'], 'that is killed keeps its leases', (_, setup) =>
      withProcesses(setup, async (start) => {
        const killed = await start();
        await killed.run('produce', [QUEUE, ['a', 'b', 'c']]);
        expect(await killed.run('lease', [QUEUE, 2])).toEqual(['a', 'b']);
        await killed.kill();
        const next = await start();
        expect(await next.run('lease', [QUEUE, 3])).toEqual(['c']);
      }),
    );

    // `poll`: "for processes that wait for items of other processes"
    test.ifSetup('processes', ['shared', 'polls'], 'find the items of each other by polls', (_, setup) =>
      withProcesses(setup, async (start) => {
        const [one, other] = await Promise.all([start(), start()]);
        expect(await other?.run('isWaiting', [QUEUE])).toBe(false);
        await one?.run('produce', [QUEUE, ['a']]);
        expect(await other?.run('isWaiting', [QUEUE])).toBe(true);
        await other?.run('lease', [QUEUE, 1]);
        expect(await one?.run('isWaiting', [QUEUE])).toBe(false);
      }),
    );

    // `StorageSignals`: "A notification names a topic"; "each time listening starts"
    test.ifSetup(
      'processes',
      ['shared', 'signals'],
      'are notified of the topics that they listen to',
      (_, setup) =>
        withProcesses(setup, async (start) => {
          const [one, other] = await Promise.all([start(), start()]);
          /** Listens to a topic, and waits for its next notification. */
          const listenTo = async (topic: string) => {
            let heard = () => {};
            const next = () =>
              new Promise<void>((resolve) => {
                heard = resolve;
              });
            const first = next();
            await other?.run('listen', [topic], () => heard());
            return { first, next };
          };
          const mail = await listenTo('mail');
          // Listening has started: a change before it may have been missed.
          await mail.first;
          for (let n = 0; n < 3; n++) {
            const notified = mail.next();
            await one?.run('publish', ['mail']);
            await notified;
          }
          const name = 'é "quoted" \\ \u{1f600} '.repeat(20);
          const { first: notified } = await listenTo(name);
          await one?.run('publish', [name]);
          await notified;
        }),
    );
  });
}
