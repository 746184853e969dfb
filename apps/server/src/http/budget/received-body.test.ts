import { afterEach, expect, test, vi } from 'vitest';
import { MemoryShare } from './memory-budget.ts';
import { ReceivedBody } from './received-body.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const share = () => new MemoryShare(100_000_000);

test('a body in one piece is that piece', () => {
  const body = new ReceivedBody(share(), 1_000);
  const piece = Buffer.from('whole');
  body.add(piece);
  expect(body.take()).toBe(piece);
});

test('no piece is an empty body', () => {
  expect(new ReceivedBody(share(), 1_000).take()).toHaveLength(0);
});

test.each([[1], [7], [1_000], [65_536]])('pieces of %i bytes are joined in order', (size) => {
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 251));
  const body = new ReceivedBody(share(), 1_000_000);
  for (let at = 0; at < bytes.length; at += size) body.add(bytes.subarray(at, at + size));
  expect(body.length).toBe(bytes.length);
  expect(Buffer.from(body.take()).equals(bytes)).toBe(true);
});

test('a million pieces take a few times their bytes', () => {
  const sizes: number[] = [];
  const allocate = Buffer.allocUnsafeSlow;
  vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation((size) => {
    sizes.push(size);
    return allocate(size);
  });
  const body = new ReceivedBody(share(), 5_000_000);
  const piece = new Uint8Array(1);
  for (let n = 0; n < 1_000_000; n++) body.add(piece);
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(4_000_000);
  expect(sizes.length).toBeLessThan(12);
});

test('a body that is kept does not keep much more than its bytes', () => {
  const body = new ReceivedBody(share(), 5_000_000);
  for (let n = 0; n < 1_100; n++) body.add(new Uint8Array(1_000));
  expect(body.take().buffer.byteLength).toBeLessThan(1_500_000);
});

test('a buffer never exceeds the limit of the body', () => {
  const body = new ReceivedBody(share(), 1_500);
  for (let n = 0; n < 15; n++) body.add(new Uint8Array(100));
  expect(body.take().buffer.byteLength).toBe(1_500);
});

test('a body beyond its limit is refused, and counts as before', () => {
  const taken = share();
  const body = new ReceivedBody(taken, 10);
  body.add(new Uint8Array(10));
  expect(() => body.add(new Uint8Array(1))).toThrow('request body exceeds 10B limit');
  expect(taken.used).toBe(10);
  body.release();
  body.release();
  expect(taken.used).toBe(0);
});

test('a body that has no room is refused as overload', () => {
  const body = new ReceivedBody(new MemoryShare(1_000), 10_000);
  expect(() => body.add(new Uint8Array(1_000))).toThrow('queue is overloaded; try again later');
});

test('a great body needs more room beside it than a small one', () => {
  const taken = new MemoryShare(8_000);
  taken.used = 6_500;
  expect(taken.hasRoom(600)).toBe(false);
  expect(taken.hasRoom(100)).toBe(true);
  // The margin is an eighth of the share at most.
  taken.used = 0;
  expect(taken.hasRoom(7_000)).toBe(true);
  expect(taken.hasRoom(7_001)).toBe(false);
});
