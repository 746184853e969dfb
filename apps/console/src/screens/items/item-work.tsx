import { useState } from 'preact/hooks';
import type { ItemsFilter } from '../../api/item.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ItemTask, type ItemWork } from './item-task.tsx';

const LABELS = { redrive: 'Redrive…', move: 'Move…', delete: 'Delete…' } as const;

function labelOf(kind: ItemWork['kind'], state: string | undefined): string {
  if (kind !== 'retry') return LABELS[kind];
  return state === 'leased' ? 'End the leases found…' : 'Make available…';
}

/** Items in these states are in the hands of somebody else. */
const IMMOVABLE = new Set(['leased', 'dead', 'moving']);
const INDELIBLE = new Set(['dead', 'moving']);

/** Buttons that do something with all items that a search finds. @param props `onDone`: a task was begun. */
export function ItemWorkButtons({
  kinds,
  queue,
  filter,
  onDone,
}: {
  readonly kinds: readonly ItemWork['kind'][];
  readonly queue: string;
  readonly filter: ItemsFilter;
  readonly onDone: () => void;
}) {
  const [kind, setKind] = useState<ItemWork['kind']>();
  return (
    <>
      {kinds.map((each) => (
        <ActionButton
          key={each}
          danger={each === 'delete'}
          whyNot={whyNot(each, filter.state ?? '')}
          onClick={() => setKind(each)}
        >
          {labelOf(each, filter.state)}
        </ActionButton>
      ))}
      {kind !== undefined && (
        <ItemTask
          work={{ kind, queue, filter }}
          onClose={(hasBegun) => {
            setKind(undefined);
            if (hasBegun) onDone();
          }}
        />
      )}
    </>
  );
}

function whyNot(kind: ItemWork['kind'], state: string): string | undefined {
  if (kind === 'retry') {
    return state === 'scheduled' || state === 'leased'
      ? undefined
      : 'Choose the state “scheduled” to make items available, or “leased” to end leases.';
  }
  if (kind === 'delete') {
    return INDELIBLE.has(state) ? `Items in the state “${state}” cannot be deleted.` : undefined;
  }
  return IMMOVABLE.has(state) ? `Items in the state “${state}” cannot be moved.` : undefined;
}
