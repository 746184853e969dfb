import type { Instant, LeasedItem } from '@querator/core';
import { expect } from 'vitest';
import { content, contentOf } from '../fixture/content.ts';
import type { ModelItem } from './partition-model.ts';

/** Compares leased items and their deadlines with the expected ones. */
export function expectLeased(
  leased: readonly LeasedItem[],
  expected: readonly ModelItem[],
  until: Instant,
): void {
  expect(
    leased.map(({ id, attempts, leaseDeadline, ...rest }) => ({
      id,
      attempts,
      leaseDeadline,
      ...contentOf(rest),
    })),
  ).toEqual(
    expected.map(({ id, text, attempts }) => ({ id, attempts, leaseDeadline: until, ...content(text) })),
  );
}
