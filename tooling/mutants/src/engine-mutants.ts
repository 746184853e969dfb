import { ENGINE_LETTER_MUTANTS } from './engine-letter-mutants.ts';
import { ENGINE_ORDER_MUTANTS } from './engine-order-mutants.ts';
import { ENGINE_SLEEP_MUTANTS } from './engine-sleep-mutants.ts';
import { type Mutant, mutant } from './mutant.ts';

const PRODUCE = 'loops/produce-loop.ts';
const LEASE = 'loops/lease-loop.ts';
const REQUESTS = 'loops/lease-requests.ts';
const COMMIT = 'loops/group-commit.ts';
const QUEUE = 'queue/logical-queue.ts';
const UNIT = 'queue/active-partition.ts';
const RECOVERY = 'partition/recovery.ts';
const WAITER = 'waiting/pending-request.ts';
const SWEEPER = 'sweep/sweeper.ts';
const MANAGER = 'manager/queue-manager.ts';
const LOOKOUT = 'polling/poller.ts';

/** What an engine must never do, done: the simulation has to notice. */
export const ENGINE_MUTANTS: readonly Mutant[] = [
  mutant(
    'produce is acknowledged before storage has answered',
    PRODUCE,
    'for (const request of requests) request.sent = true;',
    'for (const request of requests) request.sent = true;\n    for (const { waiter } of requests) waiter.resolve();',
  ),
  mutant(
    'produce is sent again after an unknown outcome',
    PRODUCE,
    "error instanceof StorageError && error.outcome === 'not-applied'",
    'error instanceof StorageError',
  ),
  mutant(
    'an unknown outcome of a produce is told as failure',
    PRODUCE,
    "() => (request.sent ? outcomeUnknown() : new QueueError('retry', MESSAGES.produceTimedOut))",
    "() => new QueueError('retry', MESSAGES.produceTimedOut)",
  ),
  mutant(
    'a failed batch of produces is answered with success',
    PRODUCE,
    'for (const { waiter } of requests) waiter.reject(outcomeUnknown());',
    'for (const { waiter } of requests) waiter.resolve();',
  ),
  mutant(
    'a produce that was given up is sent elsewhere all the same',
    PRODUCE,
    'requests.filter(({ waiter }) => !waiter.answered),\n        true,',
    'requests,\n        true,',
  ),
  mutant(
    'produces that wait for a busy partition are not sent when it is free',
    PRODUCE,
    '    this.wake();\n    if (!this.#slots.any)',
    '    if (!this.#slots.any)',
  ),
  mutant(
    'produces of one batch are stored in reverse',
    PRODUCE,
    'batch.requests.push(request);',
    'batch.requests.unshift(request);',
  ),
  mutant(
    'consumers set aside for a produce that fails are forgotten',
    PRODUCE,
    '    } finally {\n      reservation.end(leased);\n    }',
    '      reservation.end(leased);\n    } finally {\n      void leased;\n    }',
  ),
  mutant('items born leased are handed to nobody', PRODUCE, 'leased = stored.leased;', 'void stored.leased;'),
  mutant(
    'a new item wakes nobody who waits',
    QUEUE,
    'lane.arrived(waiting);\n      this.#leases.wake();',
    'lane.arrived(waiting);',
  ),
  mutant(
    'a retried item is announced to nobody',
    QUEUE,
    'this.#stored(lane, { waiting, scheduled: scheduled > 0 });',
    'this.#stored(lane, { waiting: 0, scheduled: scheduled > 0 });',
  ),
  mutant(
    'a retry for later sets no alarm',
    QUEUE,
    'this.#stored(lane, { waiting, scheduled: scheduled > 0 });',
    'this.#stored(lane, { waiting });',
  ),
  mutant(
    'a lease sets no alarm for its end',
    QUEUE,
    'this.#unit(lane).sweeper.dueIn(toMilliseconds(this.#queue.leaseTimeout));',
    'void lane;',
  ),
  mutant('other instances are told of nothing', QUEUE, 'watching?.tell();', ''),
  mutant('shutdown forgets those who wait for items', QUEUE, 'this.#leases.stop(error),', ''),
  mutant('left-over items go to nobody', REQUESTS, 'return items.slice(dealt);', 'return [];'),
  mutant(
    'items nobody takes are not put back',
    LEASE,
    'if (leftOver.length > 0) await this.#putBack(lane, leftOver);',
    'void leftOver;',
  ),
  mutant(
    'left-over items are dealt from the first one on',
    REQUESTS,
    'deal(items.slice(dealt), others)',
    'deal(items, others)',
  ),
  mutant(
    'items are given to clients that have left',
    REQUESTS,
    'const takers = fetch.requests.filter(({ waiter }) => !waiter.isOver());',
    'const takers = [...fetch.requests];',
  ),
  mutant(
    'nobody is told when a consumer leaves that waits for long',
    LEASE,
    'for (const { waiter } of this.#requests.allIdle()) waiter.listen();',
    '',
  ),
  mutant(
    'consumers that left and did not say so are set aside for items',
    REQUESTS,
    'if (request.waiter.isOver()) this.forget(request);',
    'if (request.waiter.answered) this.forget(request);',
  ),
  mutant(
    'who was not served once is not served again',
    LEASE,
    'if (!fetch.slow) for (const request of fetch.requests) this.#requests.unpromise(request);',
    '',
  ),
  mutant(
    'two requests of one client id may wait',
    LEASE,
    "if (this.#requests.has(clientId)) throw new QueueError('invalid', MESSAGES.duplicateClientId);",
    '',
  ),
  mutant(
    'the last to come is served first',
    REQUESTS,
    'for (const request of this.#waiting.values()) {',
    'for (const request of [...this.#waiting.values()].reverse()) {',
  ),
  mutant(
    'a failed batch of completes is answered with success',
    COMMIT,
    'const answer = this.#options.onFailure(error);\n      for (const { reject } of entries) reject(answer);',
    'this.#options.onFailure(error);\n      for (const { resolve } of entries) resolve({} as never);',
  ),
  mutant(
    'a refused complete is answered with success',
    COMMIT,
    'else entry.reject(outcome.error);',
    'else entry.resolve({} as never);',
  ),
  mutant(
    'a complete is answered before storage has',
    COMMIT,
    'this.#inFlight += entries.length;',
    'this.#inFlight += entries.length;\n    for (const { resolve } of entries) resolve({} as never);',
  ),
  mutant(
    'a retried item that died is deleted',
    UNIT,
    "const dead = deadQueue === '' ? 'delete' : 'condemn';",
    "const dead = deadQueue === '' ? 'delete' : 'delete';",
  ),
  mutant('a partition never comes back into service', RECOVERY, 'lane.failures = 0;', ''),
  mutant(
    'a client that leaves is not noticed',
    WAITER,
    "signal?.addEventListener('abort', this.#onGone);",
    '',
  ),
  mutant(
    'an item that died is deleted by the sweep',
    SWEEPER,
    "dead: queue.deadQueue === '' ? 'delete' : 'condemn',",
    "dead: 'delete',",
  ),
  mutant(
    'items whose lease ran out are announced to nobody',
    SWEEPER,
    'if (available > 0) this.#hooks.stored(this.#lane, { waiting: available });',
    '',
  ),
  mutant(
    'a sweep does not arm the next one',
    SWEEPER,
    'this.dueIn(result.nextDueMs ?? Number.POSITIVE_INFINITY);',
    '',
  ),
  ...ENGINE_LETTER_MUTANTS,
  ...ENGINE_ORDER_MUTANTS,
  ...ENGINE_SLEEP_MUTANTS,
  mutant(
    'an update does not reach the queue at work',
    MANAGER,
    'if (queue !== undefined) await this.#catchUp(queue, updated);',
    'void queue;',
  ),
  mutant(
    'shutdown does not wait for calls on settings',
    MANAGER,
    'await Promise.all([...stopped, this.#settingsCalls.settled()]);',
    'await Promise.all(stopped);',
  ),
  mutant(
    'changes at other instances are not noticed',
    MANAGER,
    "await this.changing(name, '', () => this.#reread(name));",
    'void this.#reread;',
  ),
  mutant(
    'items put in at other instances are not looked for',
    LOOKOUT,
    'if (glances[n]?.waiting !== false && watched.isHungry()) watched.onItems();',
    'void watched, glances[n];',
  ),
];
