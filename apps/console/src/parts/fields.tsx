import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** A sentence below the field. */
  readonly hint?: string | undefined;
  readonly required?: boolean;
}

/** A field of a form with its label. */
export function TextField({
  label,
  value,
  onChange,
  hint,
  required = false,
  type = 'text',
}: FieldProps & { readonly type?: 'text' | 'number' | 'datetime-local' }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        // The types of inputs are a union, of which this is always one.
        type={type as 'text'}
        value={value}
        required={required}
        autocomplete="off"
        spellcheck={false}
        {...(hint ? { 'aria-describedby': `${id}-hint` } : {})}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {hint && (
        <p id={`${id}-hint`} class="quiet">
          {hint}
        </p>
      )}
    </div>
  );
}

/** A field for several lines. */
export function LongTextField({ label, value, onChange, hint, required = false }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={4}
        value={value}
        required={required}
        spellcheck={false}
        {...(hint ? { 'aria-describedby': `${id}-hint` } : {})}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {hint && (
        <p id={`${id}-hint`} class="quiet">
          {hint}
        </p>
      )}
    </div>
  );
}

/** A choice of words. */
export function ChoiceField({
  label,
  value,
  onChange,
  options,
}: FieldProps & { readonly options: readonly (readonly [value: string, label: string])[] }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Yes or no. */
export function CheckField({
  label,
  checked,
  onChange,
}: {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}
