import { SharedRun } from '@querator/core';

/** Refreshes queues by name. Callers that ask for the same queue at once share a refresh. */
export class SharedRefreshes {
  readonly #refresh: (name: string) => Promise<boolean>;
  readonly #runs = new Map<string, SharedRun<boolean>>();

  /** @param refresh resolves to whether it succeeded. Never rejects. */
  constructor(refresh: (name: string) => Promise<boolean>) {
    this.#refresh = refresh;
  }

  /** @returns whether a refresh succeeded that began after the call. Never rejects. */
  async start(name: string): Promise<boolean> {
    // While storage is down, a second refresh would fail too, after the same time.
    const run = this.#runs.get(name) ?? new SharedRun(() => this.#refresh(name), { repeatsAfter: Boolean });
    this.#runs.set(name, run);
    const succeeded = await run.start();
    if (run.isIdle && this.#runs.get(name) === run) this.#runs.delete(name);
    return succeeded;
  }
}
