import { useId, useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import type { QueueList } from '../../api/queue-list.ts';
import { useCall } from '../../api/use-call.ts';

/** More names would not be read. */
const MOST_NAMES = 20;

/** A field for the name of a queue, which offers those with what was typed in their names. */
export function QueueNameField({
  label,
  name,
  required,
}: {
  readonly label: string;
  /** Its name in the form. */
  readonly name: string;
  readonly required: boolean;
}) {
  const id = useId();
  const [typed, setTyped] = useState('');
  const request = { filter: typed, sort: 'name', limit: MOST_NAMES };
  // A viewer who may not list queues types the name.
  const { data } = useCall(`queue names ${typed}`, (signal) =>
    call<QueueList>('v2/queues.list', request, { signal }),
  );
  return (
    <label>
      <span>{label}</span>
      <input
        name={name}
        type="text"
        list={id}
        required={required}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <datalist id={id}>
        {data?.items?.map(({ queue_name: each }) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </label>
  );
}
