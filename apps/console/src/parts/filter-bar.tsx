import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { address, setParams } from '../address/address.ts';

/** A field of a filter bar. Its name is that of the parameter in the address. */
export interface FilterField {
  readonly name: string;
  readonly label: string;
  /** The words to choose from. Absent: free text. */
  readonly options?: readonly string[];
  /** What the options are called. Absent: by their words. */
  readonly labels?: Readonly<Record<string, string>>;
  /** `datetime-local`, `number` or `text`. Default: text. */
  readonly type?: 'text' | 'number' | 'datetime-local';
  readonly placeholder?: string;
}

/** How long a person stops typing before the list is asked for, in milliseconds. */
const PAUSE_MS = 300;

/** Filters the list of a screen by parameters of the address, from its first page. */
export function FilterBar({
  fields,
  label,
}: {
  readonly fields: readonly FilterField[];
  readonly label: string;
}) {
  const { params } = address.value;
  const used = fields.filter(({ name }) => params[name]);
  return (
    <search>
      <form class="filters" aria-label={label} onSubmit={(event) => event.preventDefault()}>
        {fields.map((field) => (
          <Field key={field.name} field={field} value={params[field.name] ?? ''} />
        ))}
        {used.length > 0 && (
          <button type="button" class="quiet" onClick={() => setParams(cleared(fields))}>
            Clear the filter
          </button>
        )}
      </form>
    </search>
  );
}

function cleared(fields: readonly FilterField[]) {
  return { cursor: undefined, ...Object.fromEntries(fields.map(({ name }) => [name, undefined])) };
}

function Field({ field, value }: { readonly field: FilterField; readonly value: string }) {
  const { name, label, options, labels = {}, type = 'text', placeholder } = field;
  const id = useId();
  const [typed, setTyped] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  // The address also changes by itself: "back", or a link.
  useEffect(() => setTyped(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const set = (text: string, wait: number) => {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setParams({ [name]: text, cursor: undefined }, { replace: true }), wait);
  };
  return (
    <div>
      <label for={id}>{label}</label>
      {options === undefined ? (
        <input
          id={id}
          // The types of inputs are a union, of which this is always one.
          type={type as 'text'}
          value={typed}
          placeholder={placeholder}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => set(event.currentTarget.value, PAUSE_MS)}
        />
      ) : (
        <select id={id} value={value} onChange={(event) => set(event.currentTarget.value, 0)}>
          <option value="">any</option>
          {options.map((option) => (
            <option key={option} value={option}>
              {labels[option] ?? option}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}
