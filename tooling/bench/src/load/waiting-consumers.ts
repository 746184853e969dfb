import { HttpTarget, type HttpTargetOptions } from './http-target.ts';

/** Consumers that wait on an empty queue until `leave`. */
export class WaitingConsumers {
  #target: HttpTarget | undefined;

  /** Starts to wait. Resolves when all are connected and have sent their requests. */
  async wait(options: HttpTargetOptions): Promise<void> {
    this.leave();
    const target = await HttpTarget.open({ ...options, leaseTimeout: '15m' });
    this.#target = target;
    // The replies do not matter.
    for (let client = 0; client < options.clients; client++) target.lease(client).catch(() => {});
  }

  leave(): void {
    this.#target?.close();
    this.#target = undefined;
  }
}
