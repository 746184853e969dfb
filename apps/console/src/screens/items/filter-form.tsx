import { useEffect, useId, useState } from 'preact/hooks';
import { address, setParams } from '../../address/address.ts';
import { CONDITIONS, type Condition, type Conditions, conditionsOf, filterOf } from './item-filter.ts';
import { localOfUtc, utcOfLocal } from './local-time.ts';

interface Field {
  readonly name: Condition;
  readonly label: string;
  readonly options?: readonly string[];
  readonly isTime?: boolean;
  readonly hint?: string;
}

const REASONS = ['attempts', 'expired', 'rejected', 'moved'];

const COMMON: readonly Field[] = [
  { name: 'id', label: 'Id', hint: 'one, or several' },
  { name: 'kind', label: 'Kind' },
  { name: 'reference', label: 'Reference' },
  { name: 'error', label: 'Error contains' },
  { name: 'payload', label: 'Payload contains' },
];

const SOURCE_QUEUE: Field = { name: 'source_queue', label: 'Came from the queue' };

const OTHERS: readonly Field[] = [
  { name: 'first_id', label: 'First id' },
  { name: 'source_id', label: 'Id where it died' },
  { name: 'encoding', label: 'Encoding' },
  { name: 'metadata', label: 'Metadata', hint: 'key=value, key=value' },
  { name: 'reason', label: 'Why it died', options: REASONS },
  { name: 'without_error', label: 'Has no error', options: ['yes'] },
  { name: 'created_from', label: 'Created from', isTime: true },
  { name: 'created_to', label: 'Created before', isTime: true },
  { name: 'due_from', label: 'Due from', isTime: true },
  { name: 'due_to', label: 'Due before', isTime: true },
];

/**
 * The conditions on items. Unlike other filters it waits for "Search": most conditions make the server
 * read the queue.
 *
 * @param props `isDead`: it searches dead letters, mostly by the queue that they came from.
 */
export function FilterForm({ isDead = false }: { readonly isDead?: boolean }) {
  const common = isDead ? [SOURCE_QUEUE, ...COMMON] : COMMON;
  const others = isDead ? OTHERS : [...OTHERS, SOURCE_QUEUE];
  const given = conditionsOf(address.value.params);
  const [draft, setDraft] = useState<Conditions>(given);
  const [fault, setFault] = useState<string>();
  const shown = JSON.stringify(given);
  // The address also changes by itself: "back", or a link.
  useEffect(() => setDraft(given), [shown]);
  const apply = (conditions: Conditions) => {
    try {
      filterOf(conditions);
    } catch (thrown) {
      return setFault(thrown instanceof Error ? thrown.message : String(thrown));
    }
    setFault(undefined);
    const cleared = Object.fromEntries(CONDITIONS.map((name) => [name, undefined]));
    setParams({ ...cleared, ...conditions, cursor: undefined, read: undefined });
  };
  const fields = (list: readonly Field[]) =>
    list.map((field) => (
      <FieldInput
        key={field.name}
        field={field}
        value={draft[field.name] ?? ''}
        onChange={(value) => setDraft({ ...draft, [field.name]: value })}
      />
    ));
  const { state } = given;
  const used = Object.keys(given).length - (state === undefined ? 0 : 1);
  return (
    <search>
      <form
        class="item-filter"
        aria-label="Search the items"
        onSubmit={(event) => {
          event.preventDefault();
          apply(draft);
        }}
      >
        <div class="filters">
          {fields(common)}
          <button type="submit" class="primary">
            Search
          </button>
          {used > 0 && (
            <button type="button" class="quiet" onClick={() => apply(state === undefined ? {} : { state })}>
              Clear the search
            </button>
          )}
        </div>
        <details open={others.some(({ name }) => given[name])}>
          <summary>More conditions</summary>
          <div class="filters">{fields(others)}</div>
        </details>
        {fault !== undefined && (
          <p class="note failed" role="alert">
            {fault}
          </p>
        )}
      </form>
    </search>
  );
}

function FieldInput({
  field: { label, options, isTime = false, hint },
  value,
  onChange,
}: {
  readonly field: Field;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div>
      <label for={id}>{label}</label>
      {options === undefined ? (
        <input
          id={id}
          // The types of inputs are a union, of which this is always one.
          type={(isTime ? 'datetime-local' : 'text') as 'text'}
          {...(isTime ? { step: 1 } : {})}
          value={isTime ? localOfUtc(value) : value}
          placeholder={hint}
          autocomplete="off"
          spellcheck={false}
          onInput={({ currentTarget: { value } }) => onChange(isTime ? utcOfLocal(value) : value)}
        />
      ) : (
        <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          <option value="">any</option>
          {options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </select>
      )}
    </div>
  );
}
