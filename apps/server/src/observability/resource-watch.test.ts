import { silentLogger } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { ResourceWatch, USAGE } from './resource-watch.ts';

function watched(limit: { readonly openFiles: number | undefined } = { openFiles: 100 }) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const used = { files: 10 as number | Error, heap: 10, memory: 10 };
  const watch = new ResourceWatch({
    clock,
    logger: {
      ...silentLogger,
      info: (message, fields) => void lines.push(`info ${message}: ${fields?.['resource']}`),
      warn: (message, fields) => void lines.push(`warn ${message}: ${fields?.['resource']}`),
      error: (message) => void lines.push(`error ${message}`),
    },
    limits: { ...limit, heapBytes: 100, memoryBytes: 100, processors: 1 },
    usage: {
      openFiles: async () => {
        if (used.files instanceof Error) throw used.files;
        return used.files;
      },
      heapBytes: () => used.heap,
      memoryBytes: () => used.memory,
    },
  });
  watch.start();
  return { clock, lines, used, watch };
}

test('a resource near its limit is logged once, and once more when it no longer is', async () => {
  const { clock, lines, used, watch } = watched();
  await clock.advance('10s');
  expect(lines).toEqual([]);
  Object.assign(used, { files: 95, heap: 90, memory: 99 });
  await clock.advance('20s');
  const near = 'warn the process is close to a limit';
  expect(lines.splice(0)).toEqual([`${near}: heap`, `${near}: memory`, `${near}: open files`]);
  Object.assign(used, { files: 85, heap: 50, memory: 81 });
  await clock.advance('10s');
  expect(lines.splice(0)).toEqual(['info the process is no longer close to a limit: heap']);
  watch.stop();
  expect(clock.pendingTimers).toBe(0);
});

test('the lack of descriptors is logged as long as it lasts', async () => {
  const { clock, lines, used, watch } = watched();
  used.files = Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  await clock.advance('10s');
  expect(lines.splice(0)).toEqual(Array(2).fill('error no file descriptor is left: connections fail'));
  used.files = 10;
  await clock.advance('10s');
  expect(lines).toEqual(['info the process is no longer close to a limit: open files']);
  watch.stop();
});

test('nothing is logged if open files have no limit', async () => {
  const { clock, lines, used, watch } = watched({ openFiles: undefined });
  used.files = 1_000_000;
  await clock.advance('10s');
  expect(lines).toEqual([]);
  watch.stop();
});

test('the resources in use of this process can be read', async () => {
  expect(await USAGE.openFiles()).toBeGreaterThanOrEqual(0);
  expect(USAGE.heapBytes()).toBeGreaterThan(0);
  expect(USAGE.memoryBytes()).toBeGreaterThan(0);
});
