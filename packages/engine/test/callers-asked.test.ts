import { describe, expect, test } from 'vitest';
import { Harness, item, payloadOf, watch } from './support/harness.ts';

/** A caller over a connection. `isGone` polls it, and it creates a signal only on demand. */
class Caller {
  #leaving: AbortController | undefined;
  #gone = false;
  readonly isGone = () => this.#gone;

  get signal(): AbortSignal {
    this.#leaving ??= new AbortController();
    if (this.#gone) this.#leaving.abort();
    return this.#leaving.signal;
  }

  get wasListenedTo(): boolean {
    return this.#leaving !== undefined;
  }

  leave(): void {
    this.#gone = true;
    this.#leaving?.abort();
  }
}

async function withQueue(): Promise<Harness> {
  const h = new Harness({ statementsInFlight: 3 });
  await h.create('q');
  await h.service.queue.stats('q');
  return h;
}

/**
 * A queue with one item, a consumer that waits for it, and a storage that holds
 * each lease until the test releases it.
 */
async function withHeldLease() {
  const h = await withQueue();
  await h.produce('q', ['a']);
  const release = h.storage.hold('lease', 0);
  const consumer = new Caller();
  const leased = lease(h, consumer);
  await h.settle();
  return { h, consumer, leased, release };
}

function lease(h: Harness, caller: Caller, clientId = 'client') {
  const call = { queueName: 'q', clientId, batchSize: 1, requestTimeout: '1m' };
  return watch(h.service.queue.lease(call, caller));
}

function produce(h: Harness, caller: Caller, text: string) {
  const call = { queueName: 'q', requestTimeout: '1m', items: [item(text)] };
  return watch(h.service.queue.produce(call, caller));
}

describe('checks whether a caller has left', () => {
  test('add no abort listener if a statement answers the request', async () => {
    const h = await withQueue();
    const [producer, consumer] = [new Caller(), new Caller()];
    const produced = produce(h, producer, 'a');
    await h.settle();
    const leased = lease(h, consumer);
    await h.settle();
    expect([produced.state, leased.state]).toEqual(['fulfilled', 'fulfilled']);
    expect([producer.wasListenedTo, consumer.wasListenedTo]).toEqual([false, false]);
  });

  test('add a listener if no item is available', async () => {
    const h = await withQueue();
    const consumer = new Caller();
    const leased = lease(h, consumer);
    await h.settle();
    expect(consumer.wasListenedTo).toBe(true);
    consumer.leave();
    await h.settle();
    expect(leased.error?.message).toBe('the caller is gone');
    expect((await h.service.queue.stats('q')).leaseWaiting).toBe(0);
  });

  test('add a listener if the statement is slow', async () => {
    const { h, consumer, leased, release } = await withHeldLease();
    expect(consumer.wasListenedTo).toBe(false);
    await h.clock.advance('30ms');
    consumer.leave();
    await h.settle();
    expect(leased.state).toBe('rejected');
    release();
    await h.settle();
    expect((await h.lease('q')).items.map(payloadOf)).toEqual(['a']);
  });

  test('add a listener if storage is unavailable', async () => {
    const h = await withQueue();
    h.storage.cut(0);
    const producer = new Caller();
    const produced = produce(h, producer, 'a');
    await h.settle();
    expect(producer.wasListenedTo).toBe(true);
    producer.leave();
    await h.settle();
    expect(produced.error?.message).toBe('the caller is gone');
  });

  test('add listeners while storage is slow, to later requests too', async () => {
    const h = await withQueue();
    const release = h.storage.hold('produce', 0);
    const busy = h.produce('q', ['busy', 'busy', 'busy']);
    await h.settle();
    const [early, late] = [new Caller(), new Caller()];
    const produced = [produce(h, early, 'early')];
    await h.settle();
    expect(early.wasListenedTo).toBe(false);
    await h.clock.advance('25ms');
    produced.push(produce(h, late, 'late'));
    await h.settle();
    expect([early.wasListenedTo, late.wasListenedTo]).toEqual([true, true]);
    early.leave();
    late.leave();
    await h.settle();
    expect(produced.map(({ state }) => state)).toEqual(['rejected', 'rejected']);
    release();
    await busy;
    expect(await h.payloads('q')).toEqual(['busy', 'busy', 'busy']);
  });

  test('add no listeners once storage is fast again', async () => {
    const h = await withQueue();
    const release = h.storage.hold('produce', 0);
    const slow = h.produce('q', ['slow']);
    await h.clock.advance('25ms');
    release();
    await slow;
    const releaseAgain = h.storage.hold('produce', 0);
    const busy = h.produce('q', ['busy', 'busy', 'busy']);
    await h.settle();
    const caller = new Caller();
    const produced = produce(h, caller, 'a');
    await h.settle();
    expect([produced.state, caller.wasListenedTo]).toEqual(['pending', false]);
    releaseAgain();
    await busy;
    await h.settle();
    expect(produced.state).toBe('fulfilled');
  });

  test('find a caller that left while waiting behind another one for an unavailable storage', async () => {
    const h = await withQueue();
    h.storage.cut(0);
    const [first, second] = [new Caller(), new Caller()];
    const produced = [produce(h, first, 'a')];
    await h.settle();
    produced.push(produce(h, second, 'b'));
    second.leave();
    await h.settle();
    expect(produced.map(({ state }) => state)).toEqual(['pending', 'rejected']);
    h.storage.heal(0);
    await h.clock.advance('10s');
    expect(await h.payloads('q')).toEqual(['a']);
  });

  test('find a caller that left during its lease: its items are released', async () => {
    const { h, consumer, leased, release } = await withHeldLease();
    consumer.leave();
    release();
    await h.settle();
    expect(leased.error?.message).toBe('the caller is gone');
    const { items } = await h.lease('q');
    expect([items.map(payloadOf), items[0]?.attempts]).toEqual([['a'], 1]);
  });

  test('assign no leftover items to a caller that left', async () => {
    const h = await withQueue();
    await h.produce('q', ['a']);
    const release = h.storage.hold('lease', 0);
    const [taker, idle, there] = [new Caller(), new Caller(), new Caller()];
    lease(h, taker, 'taker');
    await h.settle();
    lease(h, idle, 'idle');
    await h.settle();
    const leased = lease(h, there, 'there');
    taker.leave();
    idle.leave();
    release();
    await h.settle();
    expect(leased.value?.items.map(payloadOf)).toEqual(['a']);
  });

  test('let another request of the same client replace a caller that left', async () => {
    const h = await withQueue();
    await h.produce('q', ['a', 'b']);
    const release = h.storage.hold('lease', 0);
    const consumer = new Caller();
    lease(h, consumer);
    await h.settle();
    const double = lease(h, new Caller());
    await h.settle();
    expect(double.error).toMatchObject({ code: 'invalid' });
    const other = lease(h, new Caller(), 'other');
    consumer.leave();
    const again = lease(h, new Caller());
    release();
    await h.settle();
    // It waits in its own place, behind the other one.
    expect(other.value?.items.map(payloadOf)).toEqual(['a']);
    expect(again.value?.items.map(payloadOf)).toEqual(['b']);
  });

  test('drop a produce whose caller left before its items were sent', async () => {
    const h = await withQueue();
    const release = h.storage.hold('produce', 0);
    const busy = h.produce('q', ['busy', 'busy']);
    await h.settle();
    const producer = new Caller();
    const produced = produce(h, producer, 'gone');
    await h.settle();
    producer.leave();
    release();
    await busy;
    await h.settle();
    expect(produced.error?.message).toBe('the caller is gone');
    expect(await h.payloads('q')).toEqual(['busy', 'busy']);
  });

  test('reserve no produced items for a caller that left', async () => {
    const h = await withQueue();
    const [gone, there] = [new Caller(), new Caller()];
    const release = h.storage.hold('lease', 0);
    const leased = lease(h, there, 'there');
    await h.settle();
    // Another consumer polls the queue, and this one waits for the result.
    lease(h, gone, 'gone');
    await h.settle();
    gone.leave();
    const produced = h.produce('q', ['a']);
    await h.settle();
    expect(gone.wasListenedTo).toBe(false);
    expect([h.storage.count('produce'), h.storage.count('produceAndLease')]).toEqual([1, 0]);
    release();
    await produced;
    await h.settle();
    expect(leased.value?.items.map(payloadOf)).toEqual(['a']);
  });
});
