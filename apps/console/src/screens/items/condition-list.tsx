import type { ItemsFilter } from '../../api/item.ts';
import { Plain } from '../../parts/plain.tsx';
import { type Condition, conditionsOfFilter } from './item-filter.ts';

const WORDS: Readonly<Record<Condition, string>> = {
  state: 'in the state',
  id: 'with the id',
  first_id: 'first id',
  source_id: 'id where it died',
  reference: 'reference',
  kind: 'kind',
  encoding: 'encoding',
  metadata: 'metadata',
  error: 'error contains',
  reason: 'died because of',
  source_queue: 'came from the queue',
  without_error: 'without an error:',
  payload: 'payload contains',
  created_from: 'entered from',
  created_to: 'entered before',
  due_from: 'due from',
  due_to: 'due before',
};

/** The conditions of a filter in words. All of them hold at once. */
export function ConditionList({ filter }: { readonly filter: ItemsFilter | undefined }) {
  const conditions = Object.entries(conditionsOfFilter(filter ?? {})) as readonly [Condition, string][];
  const isBinary = filter?.payload !== undefined && !conditions.some(([name]) => name === 'payload');
  if (conditions.length === 0 && !isBinary) return <p>All items.</p>;
  return (
    <ul class="conditions">
      {conditions.map(([name, value]) => (
        <li key={name}>
          <span class="quiet">{WORDS[name]}</span> <Plain text={value} limit={200} />
        </li>
      ))}
      {isBinary && (
        <li>
          <span class="quiet">{WORDS.payload}</span> bytes that are no text
        </li>
      )}
    </ul>
  );
}
