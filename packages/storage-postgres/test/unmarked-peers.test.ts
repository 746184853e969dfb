import { ManualClock } from '@querator/core/testing';
import { beforeEach, expect, test } from 'vitest';
import { UnmarkedPeers } from '../src/signals/unmarked-peers.ts';

let clock: ManualClock;
let peers: UnmarkedPeers;
beforeEach(() => {
  clock = new ManualClock();
  peers = new UnmarkedPeers(clock);
});

/** This process has listened for a second. */
async function listening(): Promise<void> {
  peers.listens();
  await clock.advance('1s');
}

test('are unknown until the others had the time to answer a greeting', async () => {
  let changes = 0;
  peers.watch(() => changes++);
  expect(peers.all).toBeUndefined();
  peers.listens();
  await clock.advance('499ms');
  expect(peers.all).toBeUndefined();
  await clock.advance('1ms');
  expect(peers.all).toEqual([]);
  expect(changes).toBe(1);
});

test('stay unknown if the connection was lost before', async () => {
  peers.listens();
  await clock.advance('100ms');
  peers.listensNoMore();
  await clock.advance('1m');
  expect(peers.all).toBeUndefined();
});

test('are none for a process that cannot listen', () => {
  peers.cannotListen();
  expect(peers.all).toEqual([]);
});

test('are noticed at once, and announced once', async () => {
  await listening();
  let changes = 0;
  const end = peers.watch(() => changes++);
  peers.heard('a', undefined);
  expect(peers.all).toEqual([{ name: 'a', session: undefined }]);
  peers.heard('a', 7);
  peers.heard('a', 7);
  peers.heard('a', undefined);
  expect(peers.all).toEqual([{ name: 'a', session: 7 }]);
  expect(changes).toBe(2);
  end();
  peers.heard('b', 8);
  expect(changes).toBe(2);
});

test('are gone when they miss two beats', async () => {
  await listening();
  peers.heard('a', 7);
  await clock.advance('20s');
  peers.heard('b', 8);
  await clock.advance('6s');
  expect(peers.all).toHaveLength(2);
  await clock.advance('1ms');
  expect(peers.all).toEqual([{ name: 'b', session: 8 }]);
});

test('are gone 4 s after their session has ended, unless they listen on another one', async () => {
  await listening();
  for (const [name, session] of [
    ['a', 7],
    ['b', 8],
  ] as const)
    peers.heard(name, session);
  peers.checked(new Set([7, 8]));
  peers.checked(new Set());
  await clock.advance('1s');
  peers.heard('b', 9);
  peers.checked(new Set([9]));
  await clock.advance('3s');
  expect(peers.all).toEqual([{ name: 'b', session: 9 }]);
});

// After an outage of the database no session is left, and others may listen again later than this process.
test('are not forgotten while they may not listen yet', async () => {
  await listening();
  peers.heard('a', 7);
  peers.listensNoMore();
  await clock.advance('10m');
  peers.checked(new Set());
  expect(peers.all).toEqual([{ name: 'a', session: 7 }]);
  peers.listens();
  await clock.advance('25s');
  peers.checked(new Set());
  expect(peers.all).toHaveLength(1);
  await clock.advance('2s');
  expect(peers.all).toEqual([]);
});

test('that were noticed become silent when this process can no longer listen', async () => {
  await listening();
  peers.heard('a', 7);
  peers.listensNoMore();
  peers.cannotListen();
  expect(peers.all).toHaveLength(1);
  await clock.advance('27s');
  expect(peers.all).toEqual([]);
});

test('are limited in number', async () => {
  await listening();
  for (let n = 0; n < 1_000; n++) peers.heard(`${n}`, n);
  expect(peers.all).toHaveLength(100);
});
