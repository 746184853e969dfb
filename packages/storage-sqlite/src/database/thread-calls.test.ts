import { StorageError } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import type { Reply, Request } from '../messages/requests.ts';
import { ThreadEndedError } from './storage-thread.ts';
import { type CalledThread, ThreadCalls } from './thread-calls.ts';

/** A thread whose answers the test gives. */
class GivenThread implements CalledThread {
  readonly requests: Request[] = [];
  hasEnded = false;
  #asked = Promise.withResolvers<Reply>();

  ask(request: Request): Promise<Reply> {
    this.requests.push(request);
    this.#asked = Promise.withResolvers<Reply>();
    return this.#asked.promise;
  }

  answer(reply: Reply): void {
    this.#asked.resolve(reply);
  }

  /** Answers each call of the last group with its name. */
  answerAll(): void {
    const last = this.requests.at(-1);
    const calls = last?.type === 'group' ? last.calls : [];
    this.answer({ ok: true, results: calls.map(({ name }) => ({ ok: true, value: name })) });
  }

  die(): void {
    this.hasEnded = true;
    this.#asked.reject(new ThreadEndedError('its thread ended: exit code 1'));
  }

  async end(): Promise<void> {
    this.hasEnded = true;
  }

  get groups(): readonly (readonly string[])[] {
    return this.requests.map((request) =>
      request.type === 'group' ? request.calls.map(({ name }) => name) : [request.type],
    );
  }
}

/** Lets promises that are settled call what waits for them. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

const DISK = { name: 'disk', clock: new ManualClock() };

function newCalls() {
  const threads: GivenThread[] = [];
  const calls = new ThreadCalls(() => {
    const thread = new GivenThread();
    threads.push(thread);
    return thread;
  });
  const call = (name: string) => calls.call(DISK, { name, args: null });
  return { calls, threads, call };
}

describe('the calls of a thread', () => {
  test('sends what collects while the thread is at work as one group', async () => {
    const { threads, call } = newCalls();
    const first = call('a');
    await settled();
    const others = ['b', 'c', 'd'].map(call);
    await settled();
    expect(threads[0]?.groups).toEqual([['a']]);
    threads[0]?.answerAll();
    expect(await first).toBe('a');
    await settled();
    expect(threads[0]?.groups).toEqual([['a'], ['b', 'c', 'd']]);
    threads[0]?.answerAll();
    expect(await Promise.all(others)).toEqual(['b', 'c', 'd']);
  });

  test('gives work the thread for itself, in its turn', async () => {
    const { calls, threads, call } = newCalls();
    const before = call('before');
    const done = Promise.withResolvers<string>();
    const work = calls.alone(DISK, () => done.promise);
    const after = call('after');
    await settled();
    threads[0]?.answerAll();
    expect(await before).toBe('before');
    await settled();
    expect(threads[0]?.groups).toEqual([['before']]);
    done.resolve('done');
    expect(await work).toBe('done');
    await settled();
    threads[0]?.answerAll();
    expect(await after).toBe('after');
  });

  test('reports the calls of a group as unknown if the thread ends, and serves the next ones with another', async () => {
    const { threads, call } = newCalls();
    const lost = call('lost');
    await settled();
    const next = call('next');
    threads[0]?.die();
    await expect(lost).rejects.toMatchObject({
      message: `storage 'disk': its thread ended: exit code 1`,
      outcome: 'unknown',
    });
    await settled();
    expect(threads[1]?.groups).toEqual([['next']]);
    threads[1]?.answerAll();
    expect(await next).toBe('next');
  });

  test('reports the outcome that the thread tells for the whole group', async () => {
    const { calls, threads, call } = newCalls();
    const both = ['a', 'b'].map(call);
    await settled();
    threads[0]?.answer({
      ok: false,
      failure: { kind: 'storage', message: 'the disk is full', outcome: 'not-applied' },
    });
    for (const each of both) {
      const error = await each.catch((failed: unknown) => failed);
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ message: `storage 'disk': the disk is full`, outcome: 'not-applied' });
    }
    expect(calls.works).toBe(false);
  });

  test('refuses calls beyond ten thousand that wait', async () => {
    const { threads, call } = newCalls();
    const first = call('first');
    await settled();
    const waiting = Array.from({ length: 10_000 }, () => call('waiting'));
    await expect(call('one too many')).rejects.toMatchObject({
      message: `storage 'disk': 10000 calls wait for it already`,
      outcome: 'not-applied',
    });
    for (let group = 0; group <= 20; group++) {
      threads[0]?.answerAll();
      await settled();
    }
    await Promise.all([first, ...waiting]);
  });
});
