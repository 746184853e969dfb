import type { KeyedAnswer, Produce } from '../../history/history.ts';
import { type ItemRecords, mayHaveHappened } from '../item-records.ts';
import type { Violation } from '../violation.ts';

type Acknowledged = Produce & { readonly told: KeyedAnswer };

/**
 * Of the requests with one dedup key, one stores the items, and all are told their ids.
 * That an item is there twice shows in its deliveries: see `attempts` and `settlement`.
 */
export function keys(records: ItemRecords): readonly Violation[] {
  const requests = records.history.operations.filter((operation) => operation.call === 'produce');
  const groups = Map.groupBy(requests, ({ key }) => key);
  groups.delete(undefined);
  return [...groups.values()].flatMap((attempts) => [
    ...storedOnce(attempts),
    ...sameIds(attempts),
    ...storedAtAll(attempts),
    ...deliveredAsTold(records, attempts),
  ]);
}

function storedOnce(attempts: readonly Produce[]): readonly Violation[] {
  const stored = acknowledged(attempts).filter(({ told }) => !told.duplicate);
  if (stored.length < 2) return [];
  return [violation(stored, `the items of key '${stored[0]?.key}' were stored ${stored.length} times`)];
}

function sameIds(attempts: readonly Produce[]): readonly Violation[] {
  const answers = acknowledged(attempts);
  const [first] = answers;
  const other = answers.find(({ told }) => told.ids.join(' ') !== first?.told.ids.join(' '));
  if (first === undefined || other === undefined) return [];
  return [violation([first, other], `two requests with key '${first.key}' were told different ids`)];
}

/** A duplicate has an original, which may have taken effect before the answer. */
function storedAtAll(attempts: readonly Produce[]): readonly Violation[] {
  return acknowledged(attempts)
    .filter(({ told }) => told.duplicate)
    .filter(
      (duplicate) =>
        !attempts.some(
          (each) =>
            each !== duplicate &&
            mayHaveHappened(each) &&
            !isDuplicate(each) &&
            each.invoked < duplicate.returned,
        ),
    )
    .map((duplicate) =>
      violation(
        [duplicate],
        `a request with key '${duplicate.key}' was a duplicate, and none can have stored it`,
      ),
    );
}

/** The first lease of an item is under the id that its produce told. */
function deliveredAsTold(records: ItemRecords, attempts: readonly Produce[]): readonly Violation[] {
  const [answer] = acknowledged(attempts);
  if (answer === undefined || answer.told.ids.length !== answer.items.length) return [];
  return answer.items.flatMap((item, n) => {
    const first = records.of(item)?.deliveries.find(({ base, attempts }) => base + attempts === 1);
    const told = answer.told.ids[n];
    if (first === undefined || first.id === told) return [];
    return [
      {
        ...{ rule: 'keys' as const, items: [item], operations: [answer, first.lease] },
        text: `${item} was told to be ${told}, and was delivered as ${first.id}`,
      },
    ];
  });
}

function acknowledged(attempts: readonly Produce[]): readonly Acknowledged[] {
  return attempts.filter((each): each is Acknowledged => each.told !== undefined);
}

function isDuplicate({ told }: Produce): boolean {
  return told?.duplicate === true;
}

function violation(operations: readonly Produce[], text: string): Violation {
  const items = [...new Set(operations.flatMap((operation) => operation.items))];
  return { rule: 'keys', items, operations, text };
}
