import { describe, expect, test } from 'vitest';
import { operationName, pointsOf } from './points.ts';

describe('points', () => {
  test('without axes vary one axis at a time from the centre', () => {
    const points = pointsOf({ operation: ['produce'] });
    expect(points.map(({ batch }) => batch)).toEqual(expect.arrayContaining([1, 10, 100, 1_000]));
    const varied = points.map(
      ({ format, batch, clients, partitions, payloadBytes }) =>
        [format !== 'protobuf', batch !== 100, clients !== 8, partitions !== 1, payloadBytes !== 100].filter(
          (differs) => differs,
        ).length,
    );
    expect(varied.filter((axes) => axes === 0)).toHaveLength(1);
    expect(Math.max(...varied)).toBe(1);
  });

  test('with axes form a grid', () => {
    const points = pointsOf({ operation: ['produce', 'mix'], batch: [1, 100], clients: [1, 8, 64] });
    expect(points).toHaveLength(2 * 2 * 3);
    expect(points.every(({ payloadBytes }) => payloadBytes === 100)).toBe(true);
  });

  test('leave out a backlog of many gigabytes', () => {
    const axes = { operation: ['lease-1m', 'lease-10k'], payloadBytes: [10_240] } as const;
    expect(pointsOf(axes).map(operationName)).toEqual(['lease-10k']);
  });
});
