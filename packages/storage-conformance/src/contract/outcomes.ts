import { parseDuration, type StorageCapability, type StorageOutcome } from '@querator/core';
import { describe, expect } from 'vitest';
import { deadLetter, importedItem, newItem, textsOf } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import {
  AUTO_COMMIT_TIMEOUT,
  EXPIRE_TIMEOUT,
  LEASE_TIMEOUT,
  type PartitionScript,
} from '../fixture/partition-script.ts';
import type { StorageSetup } from '../fixture/storage-setup.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** A call that changes a partition, and what must be there before it. */
interface Change {
  /** What a driver must be able to do for the call. */
  readonly needs?: readonly StorageCapability[];
  readonly prepare: (script: PartitionScript) => Promise<readonly string[]>;
  /** @param ids what `prepare` returned. */
  readonly call: (script: PartitionScript, ids: readonly string[]) => Promise<unknown>;
}

const leaseOf = async (script: PartitionScript): Promise<readonly string[]> => {
  await script.produce('a', 'b');
  return (await script.lease()).map(({ id }) => id);
};
const LETTERS = { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: AUTO_COMMIT_TIMEOUT };

const CHANGES: Readonly<Record<string, Change>> = {
  produce: {
    prepare: async () => [],
    call: ({ store }) => store.produce([{ items: [newItem('a'), newItem('b')] }], EXPIRE_TIMEOUT),
  },
  lease: {
    prepare: async (script) => {
      await script.produce('a', 'b');
      return [];
    },
    call: ({ store }) => store.lease({ limit: 2, leaseTimeout: LEASE_TIMEOUT }),
  },
  release: { prepare: leaseOf, call: ({ store }, ids) => store.release(ids) },
  complete: { prepare: leaseOf, call: ({ store }, ids) => store.complete([{ ids }]) },
  retry: { prepare: leaseOf, call: (script, ids) => script.retry(...ids.map((id) => ({ id }))) },
  extend: {
    needs: ['extend'],
    prepare: leaseOf,
    call: (script, ids) => script.extend(parseDuration('5m'), ...ids),
  },
  produceKeyed: {
    needs: ['dedup'],
    prepare: async () => [],
    call: ({ store }) => {
      const groups = [{ key: 'k', items: [newItem('a'), newItem('b')] }];
      const options = { expireTimeout: EXPIRE_TIMEOUT, newKeys: 'store' as const };
      return store.produceKeyed?.([{ groups, window: parseDuration('1h') }], options) ?? Promise.resolve();
    },
  },
  'retry of dead items': {
    prepare: leaseOf,
    call: (script, ids) => script.retry(...ids.map((id) => ({ id, dead: true }))),
  },
  import: {
    prepare: async () => [],
    call: ({ store }) => store.import([importedItem('a'), importedItem('b')], EXPIRE_TIMEOUT),
  },
  delete: {
    prepare: async (script) => {
      await script.produce('a', 'b');
      return (await script.queued()).map(({ id }) => id);
    },
    call: ({ store }, ids) => store.delete(ids),
  },
  markMoved: {
    prepare: async (script) => [await script.addMoving('a')],
    call: ({ store }, ids) => store.markMoved(ids),
  },
  remove: {
    prepare: async (script) => [await script.addMoved('a')],
    call: ({ store }, ids) => store.remove(ids),
  },
  prepareLetters: {
    prepare: async () => [],
    call: ({ store }) => store.prepareLetters([deadLetter('a'), deadLetter('b')], LETTERS),
  },
  commitLetters: {
    prepare: async (script) => {
      await script.prepare('a', 'b');
      return ['a', 'b'];
    },
    call: ({ store }, ids) => store.commitLetters(ids),
  },
  abortLetters: {
    prepare: async (script) => {
      await script.prepare('a', 'b');
      return ['a', 'b'];
    },
    call: ({ store }, ids) => store.abortLetters(ids),
  },
};

/** What the partition holds, without what differs between two runs of the same steps. */
async function stateOf(script: PartitionScript): Promise<unknown> {
  const show = (items: Awaited<ReturnType<PartitionScript['queued']>>) =>
    items.map((item, n) => [textsOf(items)[n], item.isLeased, item.attempts, String(item.leaseDeadline)]);
  return {
    ...{ queued: show(await script.queued()), scheduled: show(await script.scheduled()) },
    prepared: show(await script.prepared()),
  };
}

/** The outcome of a call that failed. Undefined: it did not fail. */
async function outcomeOf(call: Promise<unknown>): Promise<StorageOutcome | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ name: 'StorageError' });
    return (error as { readonly outcome: StorageOutcome }).outcome;
  }
}

/** What `StorageError.outcome` promises, for a storage that fails before or after a change. */
export function describeOutcomes(test: StorageTest): void {
  describe('the outcome of a failed', () => {
    for (const [name, { prepare, call, needs = [] }] of Object.entries(CHANGES)) {
      /** A partition in use, on a storage that fails on demand. */
      const openFaulty = async (fixture: Fixture, open: NonNullable<StorageSetup['openWithFaults']>) => {
        const faulty = await fixture.openWithFaults(open);
        const script = fixture.script(fixture.partition(faulty.backend));
        const ids = await prepare(script);
        await stateOf(script);
        return { faulty, script, ids };
      };
      /** The state before the call and after it, if nothing fails. */
      const expected = async (script: PartitionScript) => {
        const ids = await prepare(script);
        const before = await stateOf(script);
        await call(script, ids);
        return { before, after: await stateOf(script) };
      };

      // `not-applied`: "Nothing was stored or changed: the caller may repeat the call"
      test.ifSetup(
        'openWithFaults',
        needs,
        `${name} is not-applied if the storage refused it`,
        async (fixture, open) => {
          const { before, after } = await expected(fixture.script());
          const { faulty, script, ids } = await openFaulty(fixture, open);
          await faulty.refuse();
          expect(await outcomeOf(call(script, ids))).toBe('not-applied');
          await faulty.heal();
          expect(await stateOf(script)).toEqual(before);
          await call(script, ids);
          expect(await stateOf(script)).toEqual(after);
        },
      );

      // `unknown`: "The call may have taken effect"; whatever the outcome, all of it has or nothing
      test.ifSetup(
        'openWithFaults',
        needs,
        `${name} is unknown if it may have taken effect`,
        async (fixture, open) => {
          const { before, after } = await expected(fixture.script());
          const { faulty, script, ids } = await openFaulty(fixture, open);
          await faulty.loseAnswers();
          const outcome = await outcomeOf(call(script, ids));
          await faulty.heal();
          const found = await stateOf(script);
          expect([before, after]).toContainEqual(found);
          expect(outcome, 'the call did not fail').toBeDefined();
          if (JSON.stringify(found) !== JSON.stringify(before)) expect(outcome).toBe('unknown');
        },
      );
    }
  });
}
