import { expect, test } from 'vitest';
import { Recorder } from '../history/recorder.ts';
import { type CountsReleases, ReleaseWatch } from './release-watch.ts';

/** Reads the counts once. */
async function asked(...servers: readonly CountsReleases[]) {
  const recorder = new Recorder();
  const watch = new ReleaseWatch(recorder, servers, 'q');
  await watch.start(0);
  await watch.stop();
  const about = { origin: 'test', partitions: 1, leaseTimeoutMs: 1_000, drained: true };
  return { watch, releases: recorder.history(about).releases ?? [] };
}

test('records the count of each server, with the times of request and reply', async () => {
  const { watch, releases } = await asked(
    { process: 1, released: async () => 0 },
    { process: 2, released: async (queue) => (queue === 'q' ? 7 : 0) },
  );
  expect(releases.find(({ instance }) => instance === 0)).toMatchObject({ process: 1, released: 0 });
  expect(releases.find(({ instance }) => instance === 1)).toMatchObject({ process: 2, released: 7 });
  for (const each of releases) expect(each.answered).toBeGreaterThanOrEqual(each.asked);
  expect(watch.releasedAt).toBe(releases.find(({ released }) => released === 7)?.answered);
});

test('reports that nothing was released', async () => {
  const { watch } = await asked({ process: 1, released: async () => 0 });
  expect(watch.releasedAt).toBeUndefined();
});

test('ignores a server that does not answer, or was restarted meanwhile', async () => {
  let process = 1;
  const restarted = {
    get process() {
      return process++;
    },
    released: async () => 0,
  };
  const { releases } = await asked({ process: 1, released: async () => undefined }, restarted);
  expect(releases).toEqual([]);
});
