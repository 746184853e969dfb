import type {
  Clear,
  Extension,
  Given,
  History,
  Lease,
  Letter,
  LetterTask,
  List,
  Operation,
  PartitionMove,
  Produce,
  Settlement,
  Source,
} from '../src/history/history.ts';

type Rest<O extends Operation> = Partial<Omit<O, 'call' | 'number' | 'invoked' | 'returned'>>;
let number = 0;

const made = (invoked: number, returned: number) => ({
  ...{ number: number++, client: 'c', instance: 0, outcome: 'ok' as const },
  ...{ invoked, returned },
});

/** A produce of items between two times. */
export function produce(invoked: number, returned: number, items: string, rest: Rest<Produce> = {}): Produce {
  return { ...made(invoked, returned), call: 'produce', items: items.split(' '), ...rest };
}

/**
 * An item of an answer. Its id is its name with the number of attempts. By default
 * it was taken at any time since the start of the call.
 */
export function given(item: string, attempts = 1, deadline = Number.NaN, id = `${item}#${attempts}`): Given {
  return { item, id, attempts, deadline };
}

/** A dead letter, or an item that has been one: died after a number of attempts, rejected by default. */
export function died(each: Given, attempts: number, rest: Partial<Source> = {}): Given {
  const id = `${each.item}#${attempts}`;
  const source = { queue: 'q', partition: 0, id, attempts, reason: 'rejected', ...rest };
  return { ...each, details: { firstId: `${each.item}#1`, source } };
}

/** A list of dead letters, each of which died after one attempt. */
export function list(invoked: number, returned: number, items: string): List {
  const letters = items.split(' ').map((item): Letter => {
    const { id, details } = died(given(item, 1, 0, `${item}-letter`), 1);
    return { item, id, source: details?.source };
  });
  return { ...made(invoked, returned), call: 'list', letters };
}

/** A task that returned letters. */
export function redrive(invoked: number, returned: number, rest: Rest<LetterTask> = {}): LetterTask {
  const end = { state: 'done', done: 0, failed: 0 };
  return { ...made(invoked, returned), call: 'task', kind: 'redrive', created: invoked + 1, end, ...rest };
}

/** The move of a partition. */
export function move(invoked: number, returned: number, rest: Rest<PartitionMove> = {}): PartitionMove {
  const end = { state: 'done', done: 0, failed: 0 };
  const asked = { of: 'q', partition: 0, to: 'second', created: invoked };
  return { ...made(invoked, returned), call: 'move', ...asked, end, ...rest };
}

/** A lease and its items. */
export function lease(
  invoked: number,
  returned: number,
  got: readonly Given[],
  rest: Rest<Lease> = {},
): Lease {
  // Includes the tolerance of clocks, 5 ms, so that the times of the calls decide.
  const deadline = invoked + 1_005;
  const withDeadlines = got.map((each) => (Number.isNaN(each.deadline) ? { ...each, deadline } : each));
  return {
    ...made(invoked, returned),
    call: 'lease',
    limit: 100,
    partition: 0,
    given: withDeadlines,
    ...rest,
  };
}

/** A complete of ids. */
export function complete(
  invoked: number,
  returned: number,
  ids: string,
  rest: Rest<Settlement> = {},
): Settlement {
  return { ...made(invoked, returned), call: 'complete', partition: 0, ids: ids.split(' '), ...rest };
}

/** A retry of ids. */
export function retry(
  invoked: number,
  returned: number,
  ids: string,
  rest: Rest<Settlement> = {},
): Settlement {
  return { ...complete(invoked, returned, ids, rest), call: 'retry' };
}

/** An extension of leases until one lease timeout after its start, or the given time. */
export function extend(
  invoked: number,
  returned: number,
  ids: string,
  {
    deadline = invoked + 1_005,
    lost = '',
    ...rest
  }: Rest<Extension> & { deadline?: number; lost?: string } = {},
): Extension {
  const named = ids.split(' ');
  const isKnown = (rest.outcome ?? 'ok') === 'ok';
  const extended = (isKnown ? named : [])
    .filter((id) => !lost.split(' ').includes(id))
    .map((id) => ({ id, deadline }));
  return { ...made(invoked, returned), call: 'extend', partition: 0, ids: named, extended, ...rest };
}

/** A clear of waiting items. */
export function clear(invoked: number, returned: number, rest: Rest<Clear> = {}): Clear {
  return { ...made(invoked, returned), call: 'clear', leased: false, ...rest };
}

/** A history of one partition with a lease timeout of a second. */
export function history(operations: readonly Operation[], rest: Partial<History> = {}): History {
  return {
    ...{ version: 1, origin: 'test', partitions: 1, leaseTimeoutMs: 1_000, drained: false, disturbances: [] },
    ...{ operations, ...rest },
  };
}
