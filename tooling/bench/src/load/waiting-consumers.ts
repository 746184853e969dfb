import { HttpTarget, type HttpTargetOptions } from './http-target.ts';

/** Consumers that wait on an empty queue, for as long as they are held. */
export class WaitingConsumers {
  #target: HttpTarget | undefined;

  /** Has them wait. @returns once all are connected and have sent their requests. */
  async wait(options: HttpTargetOptions): Promise<void> {
    this.leave();
    const target = await HttpTarget.open({ ...options, leaseTimeout: '15m' });
    this.#target = target;
    // What they are answered when they leave is of no interest.
    for (let client = 0; client < options.clients; client++) target.lease(client).catch(() => {});
  }

  leave(): void {
    this.#target?.close();
    this.#target = undefined;
  }
}
