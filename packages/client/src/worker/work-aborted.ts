/** Why the signal of a handler was aborted. */
export type AbortCause = 'lease-lost' | 'handler-timeout' | 'stop-timeout';

const TEXTS: Readonly<Record<AbortCause, string>> = {
  'lease-lost': 'the lease of the item has ended',
  'handler-timeout': 'the handler timeout has passed',
  'stop-timeout': 'the stop timeout of the worker has passed',
};

/** The reason of a handler's signal. */
export class WorkAborted extends Error {
  override readonly name = 'WorkAborted';
  readonly because: AbortCause;

  constructor(because: AbortCause) {
    super(TEXTS[because]);
    this.because = because;
  }
}
