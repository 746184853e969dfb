import type { LogFields } from '@querator/core';
import { silentLogger } from '@querator/core';
import { describe, expect, test } from 'vitest';
import {
  connectionLimits,
  logProcessLimits,
  mostOpenConnections,
  readProcessLimits,
} from './process-limits.ts';

const pools = [
  { target: 'db1:5432/q', maxConns: 20 },
  { target: 'db2:5432/q', maxConns: 10 },
];

function logged(openFiles: number | undefined) {
  const lines: { level: string; fields: LogFields | undefined }[] = [];
  const logger = {
    ...silentLogger,
    info: (_: string, fields?: LogFields) => void lines.push({ level: 'info', fields }),
    warn: (_: string, fields?: LogFields) => void lines.push({ level: 'warn', fields }),
  };
  const limits = { openFiles, heapBytes: 4 * 2 ** 30, memoryBytes: 512 * 2 ** 20, processors: 2 };
  logProcessLimits(logger, limits, { connections: 1_000, pools });
  return lines;
}

test('the log shows the limits, with the connections and pools that need them', () => {
  expect(logged(20_000)).toEqual([
    {
      level: 'info',
      fields: {
        openFiles: 20_000,
        heapMegabytes: 4_096,
        memoryMegabytes: 512,
        processors: 2,
        connections: 1_000,
        pools: ['db1:5432/q: 20', 'db2:5432/q: 10'],
      },
    },
  ]);
  expect(logged(undefined)).toMatchObject([{ level: 'info', fields: { openFiles: 'unlimited' } }]);
});

test('a limit of open files below the needs of connections and pools causes a warning', () => {
  expect(logged(1_093)[1]).toEqual({
    level: 'warn',
    fields: { openFiles: 1_093, needed: 1_094, connections: 999 },
  });
  expect(logged(1_094)).toHaveLength(1);
});

test('connections of clients leave descriptors for the pools', () => {
  expect(mostOpenConnections({ openFiles: 1_024 }, { pools })).toBe(930);
  expect(mostOpenConnections({ openFiles: 50 }, { pools })).toBe(1);
  expect(mostOpenConnections({ openFiles: undefined }, { pools })).toBeUndefined();
});

test('the limits of this process can be read', () => {
  const { openFiles, heapBytes, processors } = readProcessLimits();
  expect(openFiles).toBeGreaterThan(0);
  expect(heapBytes).toBeGreaterThan(0);
  expect(processors).toBeGreaterThan(0);
});

describe('the connections that are served', () => {
  const limits = { openFiles: 1_048_576, heapBytes: 512 * 2 ** 20, memoryBytes: undefined, processors: 2 };
  const pools = [{ target: 'db', maxConns: 36 }];

  test.each([
    ['10,000 at least', { ...limits, heapBytes: 2 ** 20 }, 10_000],
    ['more with a great heap', limits, 16_384],
    ['what the limit of open files leaves', { ...limits, openFiles: 4_096 }, 4_096 - 100],
    ['10,000 where no limit is known', undefined, 10_000],
  ])('are by default %s', (_, given, served) => {
    expect(connectionLimits(undefined, given, pools).served).toBe(served);
  });

  test('are those of the configuration', () => {
    expect(connectionLimits(7, limits, pools)).toEqual({ served: 7, open: 1_048_576 - 100 });
  });
});
