import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { CallError } from '../src/api/call-error.ts';
import { Walk, type WalkOptions } from '../src/api/walk.ts';

/** Reads `rows`, at most `most` of them by each call. */
function walkThrough(rows: readonly number[], most: number, wanted = Number.POSITIVE_INFINITY) {
  const options: WalkOptions<readonly number[]> = {
    start: '',
    empty: [],
    isEnough: (found) => found.length >= wanted,
    step: async (cursor, found) => {
      const from = Number(cursor);
      const to = Math.min(rows.length, from + most);
      return {
        found: [...found, ...rows.slice(from, to)],
        read: to - from,
        cursor: to < rows.length ? `${to}` : '',
      };
    },
  };
  return options;
}

/** Lets a walk go on until it ends or stops. Each of its steps takes a few turns of the event loop. */
async function settled<Found>(walk: Walk<Found>): Promise<void> {
  for (let turn = 0; turn < 1_000 && walk.progress.value.state === 'walking'; turn++) await Promise.resolve();
}

describe('a walk', () => {
  test('finds every row once, wherever it is stopped and goes on', async () => {
    const rows = fc.array(fc.integer(), { maxLength: 40 });
    const stops = fc.array(fc.nat(6), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 7 }), stops, async (rows, most, stops) => {
        const walk = new Walk(walkThrough(rows, most));
        for (const turns of stops) {
          walk.goOn();
          for (let turn = 0; turn < turns; turn++) await Promise.resolve();
          walk.stop();
        }
        walk.goOn();
        await settled(walk);
        expect(walk.progress.value).toMatchObject({
          found: rows,
          read: rows.length,
          state: 'end',
          cursor: '',
        });
      }),
      { numRuns: 100 },
    );
  });

  test('ends with what is wanted, and says where the next one begins', async () => {
    const walk = new Walk(walkThrough([1, 2, 3, 4, 5], 2, 3));
    walk.goOn();
    await settled(walk);
    expect(walk.progress.value).toMatchObject({ found: [1, 2, 3, 4], state: 'enough', cursor: '4', read: 4 });
  });

  test('stops by itself after 50 calls, and goes on when it is told to', async () => {
    const rows = Array.from({ length: 70 }, (_, at) => at);
    const walk = new Walk(walkThrough(rows, 1));
    walk.goOn();
    await settled(walk);
    expect(walk.progress.value).toMatchObject({ state: 'stopped', read: 50 });
    walk.goOn();
    await settled(walk);
    expect(walk.progress.value).toMatchObject({ state: 'end', found: rows });
  });

  test('a refusal stops it, and what it found stays', async () => {
    const options = walkThrough([1, 2, 3], 1);
    const refused = new CallError('forbidden', 'access denied');
    const step: typeof options.step = async (cursor, ...rest) => {
      if (cursor === '2') throw refused;
      return await options.step(cursor, ...rest);
    };
    const walk = new Walk({ ...options, step });
    walk.goOn();
    await settled(walk);
    expect(walk.progress.value).toMatchObject({
      state: 'stopped',
      error: refused,
      found: [1, 2],
      cursor: '2',
    });
  });

  test('a server that is gone is asked again', async () => {
    vi.useFakeTimers();
    const options = walkThrough([1, 2], 1);
    let failures = 2;
    const step: typeof options.step = async (...args) => {
      if (failures-- > 0) throw new CallError('unreachable', 'The server does not answer.');
      return await options.step(...args);
    };
    const walk = new Walk({ ...options, step });
    walk.goOn();
    await vi.advanceTimersByTimeAsync(0);
    expect(walk.progress.value).toMatchObject({ state: 'walking', error: { kind: 'unreachable' } });
    await vi.runAllTimersAsync();
    expect(walk.progress.value).toMatchObject({ state: 'end', error: undefined, found: [1, 2] });
    vi.useRealTimers();
  });
});
