import { describe, expect, test } from 'vitest';
import { Harness, watch } from './support/harness.ts';

/** Two leased items of a queue with a dead-letter queue. */
async function twoLeased() {
  const h = new Harness();
  await h.create('dead');
  await h.create('q', { deadQueue: 'dead' });
  await h.produce('q', ['first', 'second']);
  const { items } = await h.lease('q', 2);
  const giveUp = (n: number) =>
    watch(
      h.service.queue.retry({
        queueName: 'q',
        partition: 0,
        items: [{ id: items[n]?.id ?? '', dead: true }],
      }),
    );
  return { h, giveUp };
}

describe('the reply to a retry of dead items', () => {
  test('waits for the dead-letter queue for at most 100 ms', async () => {
    const { h, giveUp } = await twoLeased();
    const release = h.storage.hold('prepareLetters', 0);
    const answer = giveUp(0);
    await h.clock.advance('99ms');
    expect(answer.state).toBe('pending');
    await h.clock.advance('1ms');
    expect(answer.state).toBe('fulfilled');
    release();
    await h.clock.advance('1s');
    expect(await h.payloads('dead')).toEqual(['first']);
  });

  test('does not wait while a sweep is running', async () => {
    const { h, giveUp } = await twoLeased();
    const release = h.storage.hold('prepareLetters', 0);
    giveUp(0);
    await h.settle();
    const answer = giveUp(1);
    await h.settle();
    expect(answer.state).toBe('fulfilled');
    release();
    await h.clock.advance('1s');
    expect(await h.payloads('dead')).toEqual(['first', 'second']);
  });

  test('does not wait while dead items cannot be moved', async () => {
    const { h, giveUp } = await twoLeased();
    h.storage.fail('prepareLetters', 0, 'not-applied');
    giveUp(0);
    await h.settle();
    const release = h.storage.hold('sweep', 0);
    const answer = giveUp(1);
    await h.settle();
    expect(answer.state).toBe('fulfilled');
    release();
    h.storage.heal(0);
    await h.clock.advance('1m');
    expect((await h.payloads('dead')).sort()).toEqual(['first', 'second']);
  });

  test('waits for one sweep, and not for those that are requested meanwhile', async () => {
    const { h, giveUp } = await twoLeased();
    const endFirst = h.storage.hold('sweep', 0);
    const answer = giveUp(0);
    await h.settle();
    giveUp(1);
    await h.settle();
    endFirst();
    const endSecond = h.storage.hold('sweep', 0);
    await h.settle();
    expect(answer.state).toBe('fulfilled');
    endSecond();
    await h.clock.advance('1s');
    expect(await h.payloads('dead')).toEqual(['first', 'second']);
  });
});
