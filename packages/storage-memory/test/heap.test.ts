import { SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { Heap } from '../src/heap.ts';

test('returns the least element first, whatever is pushed, popped and removed in between', () => {
  const random = new SeededRandom(5);
  const heap = new Heap<number>((a, b) => a < b);
  let expected: number[] = [];
  for (let step = 0; step < 5_000; step++) {
    const choice = random.fraction();
    if (choice < 0.6) {
      const value = Math.floor(random.fraction() * 500);
      heap.push(value);
      expected.push(value);
    } else if (choice < 0.99) {
      expected.sort((a, b) => a - b);
      expect(heap.pop()).toBe(expected.shift());
    } else {
      const passes = (value: number) => value % 3 !== 0;
      heap.keep(passes);
      expected = expected.filter(passes);
    }
    expect(heap.size).toBe(expected.length);
    expect(heap.peek()).toBe(expected.length === 0 ? undefined : Math.min(...expected));
  }
});
