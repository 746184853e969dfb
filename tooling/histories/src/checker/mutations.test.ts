import { SeededRandom } from '@querator/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { simulateHistory } from '../../test/simulated-history.ts';
import type { Given, History, Lease, Operation, Settlement } from '../history/history.ts';
import { checkHistory } from './check-history.ts';

/**
 * Changes a correct history into one that no queue can have produced. Undefined if
 * it has no place for the change.
 */
type Mutation = (history: History, random: SeededRandom) => History | undefined;

const oneOf = <T>(all: readonly T[], random: SeededRandom) => all[Math.floor(random.fraction() * all.length)];
const leasesOf = ({ operations }: History) =>
  operations.filter((each): each is Lease => each.call === 'lease' && each.given.length > 0);
const isSettlement = (each: Operation): each is Settlement =>
  each.call === 'complete' || each.call === 'retry';

const replace = (history: History, old: Operation, ...others: readonly Operation[]): History => ({
  ...history,
  operations: history.operations.flatMap((each) => (each === old ? others : [each])),
});

/** Changes the order of a history's items. */
const renameGiven = (history: History, rename: (given: Given, lease: Lease) => Given): History => ({
  ...history,
  operations: history.operations.map((each) =>
    each.call === 'lease' ? { ...each, given: each.given.map((given) => rename(given, each)) } : each,
  ),
});

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'an item vanishes': (history, random) => {
    const gone = oneOf(leasesOf(history), random)?.given[0]?.item;
    const ids = leasesOf(history).flatMap(({ given }) =>
      given.filter(({ item }) => item === gone).map(({ id }) => id),
    );
    if (gone === undefined) return undefined;
    return {
      ...history,
      operations: history.operations.flatMap((each): readonly Operation[] => {
        if (each.call === 'lease')
          return [{ ...each, given: each.given.filter(({ item }) => item !== gone) }];
        if (!isSettlement(each)) return [each];
        const left = each.ids.filter((id) => !ids.includes(id));
        return left.length > 0 ? [{ ...each, ids: left }] : [];
      }),
    };
  },
  'an item is stored twice': (history, random) => {
    const lease = oneOf(leasesOf(history), random);
    const given = lease?.given[0];
    if (lease === undefined || given === undefined) return undefined;
    const again = { ...given, id: 'twice', deadline: lease.returned + 401 };
    const copy = {
      ...lease,
      number: -1,
      invoked: lease.returned + 1,
      returned: lease.returned + 2,
      given: [again],
    };
    return replace(history, lease, lease, copy);
  },
  'two consumers hold one item': (history, random) => {
    const lease = oneOf(leasesOf(history), random);
    const given = lease?.given[0];
    if (lease === undefined || given === undefined) return undefined;
    const copy = {
      ...lease,
      number: -1,
      client: 'thief',
      given: [{ ...given, id: 'stolen', attempts: given.attempts + 1 }],
    };
    return replace(history, lease, lease, copy);
  },
  'two items change places': (history, random) => {
    // One client of each kind, so that calls of a kind do not overlap.
    const produces = history.operations.filter(
      (each) => each.call === 'produce' && each.notBefore === undefined,
    );
    const firsts = leasesOf(history).flatMap((lease) =>
      lease.given.filter(({ attempts }) => attempts === 1).map((given) => ({ given, lease })),
    );
    const place = ({ item }: Given) =>
      produces.findIndex((each) => each.call === 'produce' && each.items.includes(item));
    const later = oneOf(
      firsts.slice(5).filter(({ given }) => place(given) > 0),
      random,
    );
    const before = firsts.filter(
      ({ given, lease }) =>
        later !== undefined &&
        place(given) >= 0 &&
        place(given) < place(later.given) &&
        lease.returned < later.lease.invoked,
    );
    const earlier = oneOf(before, random);
    if (later === undefined || earlier === undefined) return undefined;
    const partner = new Map([
      [earlier.given.item, later.given.item],
      [later.given.item, earlier.given.item],
    ]);
    return renameGiven(history, (given) => ({ ...given, item: partner.get(given.item) ?? given.item }));
  },
  'an answer is the wrong way round': (history, random) => {
    const lease = oneOf(
      leasesOf(history).filter(({ given }) =>
        history.operations.some(
          (each) =>
            each.call === 'produce' &&
            each.notBefore === undefined &&
            given.filter(({ item, attempts }) => attempts === 1 && each.items.includes(item)).length > 1,
        ),
      ),
      random,
    );
    return lease === undefined
      ? undefined
      : replace(history, lease, { ...lease, given: lease.given.toReversed() });
  },
  'a complete that came too late was accepted': (history, random) => {
    const redelivered = (id: string) => {
      const all = leasesOf(history).flatMap(({ given }) => given);
      const held = all.find((given) => given.id === id);
      return all.some(({ item, attempts }) => item === held?.item && attempts > (held?.attempts ?? 0));
    };
    const refused = history.operations.filter(
      (each): each is Settlement =>
        each.call === 'complete' && each.outcome === 'invalid' && each.ids.some(redelivered),
    );
    const chosen = oneOf(refused, random);
    return chosen === undefined ? undefined : replace(history, chosen, { ...chosen, outcome: 'ok' });
  },
  'an acknowledged complete had no effect': (history, random) => {
    const done = history.operations.filter(
      (each): each is Settlement => each.call === 'complete' && each.outcome === 'ok',
    );
    const chosen = oneOf(done, random);
    return chosen === undefined ? undefined : replace(history, chosen, { ...chosen, outcome: 'not-done' });
  },
  'a refused produce was stored': (history, random) => {
    const given = oneOf(leasesOf(history), random)?.given[0]?.item ?? '';
    const produce = history.operations.find((each) => each.call === 'produce' && each.items.includes(given));
    return produce === undefined ? undefined : replace(history, produce, { ...produce, outcome: 'not-done' });
  },
  'an id is given out twice': (history, random) => {
    const leases = leasesOf(history).filter(({ given }) => given.some(({ attempts }) => attempts > 1));
    const again = oneOf(leases, random)?.given.find(({ attempts }) => attempts > 1);
    const before = leasesOf(history)
      .flatMap(({ given }) => given)
      .find(({ item, attempts }) => item === again?.item && attempts < (again?.attempts ?? 0));
    if (again === undefined || before === undefined) return undefined;
    return renameGiven(history, (given) => (given.id === again.id ? { ...given, id: before.id } : given));
  },
};

test.each(Object.entries(MUTATIONS))('rejected: %s', (_, mutation) => {
  let tried = 0;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
      const good = simulateHistory({
        seed,
        partitions: 1,
        producers: 1,
        consumers: 1,
        faults: false,
        clears: false,
        outboxClients: 0,
        letters: false,
      });
      const bad = mutation(good, new SeededRandom(seed));
      if (bad === undefined) return;
      tried++;
      expect(checkHistory(bad)).not.toEqual([]);
    }),
    { numRuns: 40 },
  );
  // Most histories must have a place for the change, or the test proves nothing.
  expect(tried).toBeGreaterThan(10);
});
