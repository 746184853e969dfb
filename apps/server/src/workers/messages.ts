import process from 'node:process';

/** What a worker asks all workers: their metrics, or whether they can serve. */
export type Question = 'metrics' | 'readiness';

/** The messages between workers and their parent. */
export type Message =
  /** From a worker: it listens. */
  | { readonly type: 'querator:listening' }
  /** To a worker: it is to reload. */
  | { readonly type: 'querator:reload' }
  /** From a worker: it has got a request that all workers answer. */
  | { readonly type: 'querator:ask-all'; readonly id: number; readonly question: Question }
  /** To the worker that asked: what all workers answer. */
  | { readonly type: 'querator:all-answered'; readonly id: number; readonly result: unknown }
  /** To a worker: a question. */
  | { readonly type: 'querator:ask'; readonly id: number; readonly question: Question }
  /** From a worker: its answer. */
  | { readonly type: 'querator:answered'; readonly id: number; readonly answer: unknown };

/** Whether a message of the channel is one of these. Node sends messages of its own. */
export function isMessage(value: unknown): value is Message {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    value.type.startsWith('querator:')
  );
}

/** Sends a message over the channel of this process. Does nothing without a channel: then the parent has ended. */
export function send(message: Message): void {
  if (process.connected) process.send?.(message);
}
