import { metadataUnavailable } from '@querator/core';
import type { ActivePartition } from './active-partition.ts';

/** Whether the partitions of a queue keep metadata. */
export class QueueMetadata {
  readonly #partitions: readonly Pick<ActivePartition, 'state' | 'recovery'>[];

  constructor(partitions: readonly Pick<ActivePartition, 'state' | 'recovery'>[]) {
    this.#partitions = partitions;
  }

  /**
   * Checks that every partition keeps metadata, as far as is known. Asks those that do
   * not once more. Partitions out of service do not count.
   *
   * @returns undefined if they do; a promise if some have to be asked.
   * @throws QueueError `retry`, as the promise's rejection, if one does not.
   */
  require(): Promise<void> | undefined {
    return this.#partitions.some(keepsNone) ? this.#ask() : undefined;
  }

  async #ask(): Promise<void> {
    await Promise.all(this.#partitions.filter(keepsNone).map(({ recovery }) => recovery.probe()));
    const fault = this.#partitions.find(keepsNone)?.state.probed?.metadataFault;
    if (fault !== undefined) throw metadataUnavailable(fault);
  }
}

function keepsNone({ state }: Pick<ActivePartition, 'state'>): boolean {
  return state.probed?.metadataFault !== undefined;
}
