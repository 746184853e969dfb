import type { Logger } from '@querator/core';
import type { PoolerSetting } from '../settings/pooler-setting.ts';

/**
 * For how long a session of the server is ours: as long as the connection is
 * open, or, behind a pooler that shares sessions out, for a transaction.
 *
 * In the latter case nothing may be left to a session: settings are made in
 * each transaction, statements have no names, and nobody listens. That is
 * right behind any pooler and with none, only slower; so what is in doubt is
 * taken for it, and the way does not lead back.
 */
export class PoolerMode {
  #setting: PoolerSetting;
  readonly #deps: { readonly logger: Logger; readonly target: string; readonly onFound: () => void };

  /** @param deps `onFound` is told when connections are no longer to be used in the way they were opened for. */
  constructor(
    setting: PoolerSetting,
    deps: { readonly logger: Logger; readonly target: string; readonly onFound: () => void },
  ) {
    this.#setting = setting;
    this.#deps = deps;
  }

  /**
   * How a connection comes by its settings: with its start-up, by a statement
   * right after it, or not at all, since each transaction makes them.
   */
  get settle(): 'at start' | 'by statement' | 'in transactions' {
    if (this.#setting === 'auto') return 'at start';
    return this.#setting === 'session' ? 'by statement' : 'in transactions';
  }

  /** Whether what is left in a session is found there again. */
  get keepsSessions(): boolean {
    return this.#setting !== 'transaction';
  }

  /** There is a pooler that shares sessions out, or may. Says so once. */
  found(reason: string): void {
    if (this.#setting === 'transaction') return;
    this.#setting = 'transaction';
    const { logger, target, onFound } = this.#deps;
    logger.warn(
      'behind a pooler of connections; settings are made in each transaction, and nothing is prepared or ' +
        'listened for. Say pooler=transaction in the connection string to have it so from the start, or ' +
        'pooler=session where a session is kept for as long as a connection is open',
      { target, reason },
    );
    onFound();
  }
}
