import { signal } from '@preact/signals';

/** A message to the person, shown for some seconds and read out. */
interface Message {
  readonly id: number;
  readonly kind: 'done' | 'failed';
  readonly text: string;
}

const SHOWN_MS = 8_000;

const messages = signal<readonly Message[]>([]);
let lastId = 0;

function add(kind: Message['kind'], text: string): void {
  const id = ++lastId;
  messages.value = [...messages.value, { id, kind, text }].slice(-4);
  // A failure stays until it is read.
  if (kind === 'done') setTimeout(() => remove(id), SHOWN_MS);
}

function remove(id: number): void {
  messages.value = messages.value.filter((message) => message.id !== id);
}

/** Tells that something is done. */
export const tellDone = (text: string): void => add('done', text);

/** Tells why something failed. It stays until it is closed. */
export const tellFailed = (error: unknown): void =>
  add('failed', error instanceof Error ? error.message : String(error));

/** Where messages appear. The page has it once; screen readers read out what is added to it. */
export function Messages() {
  return (
    <section class="messages" aria-label="Messages" aria-live="polite" aria-relevant="additions">
      {messages.value.map(({ id, kind, text }) => (
        <p key={id} class={`message ${kind}`}>
          <span class="mark" aria-hidden="true">
            {kind === 'done' ? '✓' : '!'}
          </span>
          <span>
            {kind === 'failed' && <span class="unseen">Failed: </span>}
            {text}
          </span>
          <button type="button" class="quiet" aria-label="Close the message" onClick={() => remove(id)}>
            ✕
          </button>
        </p>
      ))}
    </section>
  );
}
