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
  peers.greeted();
  await clock.advance('1s');
}

test('are unknown until the others had the time to answer a greeting', async () => {
  let changes = 0;
  peers.watch(() => changes++);
  expect(peers.all).toBeUndefined();
  peers.listens();
  await clock.advance('1m');
  peers.greeted();
  await clock.advance('499ms');
  expect(peers.all).toBeUndefined();
  await clock.advance('1ms');
  expect(peers.all).toEqual([]);
  expect(changes).toBe(1);
});

test('stay unknown if the connection was lost before', async () => {
  peers.listens();
  peers.greeted();
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
  peers.heard('a', 6, false);
  expect(peers.all).toEqual([{ name: 'a', session: 6 }]);
  for (let count = 0; count < 2; count++) peers.heard('a', 7, true);
  // A greeting, after it has listened again.
  peers.heard('a', 8, false);
  expect(peers.all).toEqual([{ name: 'a', session: 7 }]);
  expect(changes).toBe(2);
  end();
  peers.heard('b', 8, true);
  expect(changes).toBe(2);
});

// It greets from any of its connections, and may close that one.
test('are not gone with the session of their greeting', async () => {
  await listening();
  peers.heard('a', 6, false);
  peers.checked(new Set());
  await clock.advance('10s');
  expect(peers.all).toHaveLength(1);
});

test('are gone when they miss two beats', async () => {
  await listening();
  peers.heard('a', 7, true);
  await clock.advance('20s');
  peers.heard('b', 8, true);
  await clock.advance('6s');
  expect(peers.all).toHaveLength(2);
  await clock.advance('1ms');
  expect(peers.all).toEqual([{ name: 'b', session: 8 }]);
});

// Such an answer may arrive before the own greeting does.
test('are gone after the end of their session, even if they answered at once', async () => {
  peers.listens();
  peers.heard('a', 7, true);
  peers.greeted();
  await clock.advance('1s');
  peers.checked(new Set());
  await clock.advance('4s');
  expect(peers.all).toEqual([]);
});

test('are gone 4 s after their session has ended, unless they listen on another one', async () => {
  await listening();
  for (const [name, session] of [
    ['a', 7],
    ['b', 8],
  ] as const)
    peers.heard(name, session, true);
  peers.checked(new Set([7, 8]));
  peers.checked(new Set());
  await clock.advance('3999ms');
  expect(peers.all).toHaveLength(2);
  await clock.advance('1ms');
  peers.heard('b', 9, true);
  expect(peers.all).toEqual([{ name: 'b', session: 9 }]);
});

// After an outage of the database no session is left, and others may listen again later than this process.
test('are not forgotten while they may not listen yet', async () => {
  await listening();
  peers.heard('a', 7, true);
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
  peers.heard('a', 7, true);
  peers.listensNoMore();
  peers.cannotListen();
  expect(peers.all).toHaveLength(1);
  await clock.advance('27s');
  expect(peers.all).toEqual([]);
});

test('are limited in number', async () => {
  await listening();
  for (let n = 0; n < 1_000; n++) peers.heard(`${n}`, n, true);
  expect(peers.all).toHaveLength(100);
});
