import { expect, test } from 'vitest';
import { KEY_PLACE, KeyedRequests } from './keyed-requests.ts';

test('requests differ in their keys only, and keep their length', () => {
  const requests = new KeyedRequests(Buffer.from(`before ${KEY_PLACE} after`));
  const texts = [0, 1, 0, 1].map((client) => requests.next(client).toString());
  expect(new Set(texts).size).toBe(4);
  for (const text of texts) expect(text).toMatch(/^before \w{22} after$/);
});

test('a request without a place for a key is refused', () => {
  expect(() => new KeyedRequests(Buffer.from('nothing'))).toThrow('no place for a key');
});
