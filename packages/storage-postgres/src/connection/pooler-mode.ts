import type { Logger } from '@querator/core';
import type { PoolerSetting } from '../settings/pooler-setting.ts';

/**
 * How long a session of the server is ours: as long as the connection is open, or only
 * for a transaction. The latter is so behind a pooler that shares sessions.
 *
 * In that case sessions keep no state. Settings are made in each transaction,
 * statements have no names, and LISTEN is not used. That works with any pooler and
 * without one, but is slower. So we use it whenever in doubt, and never go back.
 */
export class PoolerMode {
  #setting: PoolerSetting;
  readonly #deps: { readonly logger: Logger; readonly target: string; readonly onDetected: () => void };

  /** @param deps `onDetected` is called when existing connections must no longer be used. */
  constructor(
    setting: PoolerSetting,
    deps: { readonly logger: Logger; readonly target: string; readonly onDetected: () => void },
  ) {
    this.#setting = setting;
    this.#deps = deps;
  }

  /** How a connection gets its settings: at start-up, by a statement right after, or in each transaction. */
  get settingsMode(): 'at start' | 'by statement' | 'in transactions' {
    if (this.#setting === 'auto') return 'at start';
    return this.#setting === 'session' ? 'by statement' : 'in transactions';
  }

  /** Whether state that is left in a session is still there for the next statement. */
  get keepsSessions(): boolean {
    return this.#setting !== 'transaction';
  }

  /** A pooler shares sessions, or may. Logged once. */
  detected(reason: string): void {
    if (this.#setting === 'transaction') return;
    this.#setting = 'transaction';
    const { logger, target, onDetected } = this.#deps;
    logger.warn(
      'behind a pooler of connections; each transaction sets the session settings, and the driver uses no ' +
        'prepared statements and no LISTEN. Set pooler=transaction in the connection string to begin in this ' +
        'mode, or pooler=session if the pooler keeps a session for as long as a connection is open',
      { target, reason },
    );
    onDetected();
  }
}
