import type { Queue, QueueStamp, QueueStore } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { SettingsWatch } from '../src/manager/settings-watch.ts';
import { engineDeps } from '../src/service/engine-options.ts';

const MEMBER = { name: 'q', createdAt: 1n, updatedAt: 1n } as Queue;

test('a poll that had to wait for its turn does not delay the next one', async () => {
  const clock = new ManualClock();
  const answers: (() => void)[] = [];
  const stamps = (): Promise<ReadonlyMap<string, QueueStamp>> =>
    new Promise((resolve) => answers.push(() => resolve(new Map([['q', MEMBER]]))));
  const watch = new SettingsWatch({
    engine: engineDeps({ clock, random: new SeededRandom() }),
    store: { stamps } as unknown as QueueStore,
    signals: undefined,
    changed: () => {},
    running: () => [MEMBER],
    refresh: async () => true,
  });
  watch.add('q');
  await clock.advance('1s');
  expect(answers).toHaveLength(1);
  // As when the only connection is always busy.
  await clock.advance('500ms');
  answers.at(-1)?.();
  await clock.advance('2s');
  expect(answers).toHaveLength(2);
  answers.at(-1)?.();
  await watch.stop();
});
