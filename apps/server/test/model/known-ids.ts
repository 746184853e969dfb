import type { ItemId } from '@querator/core';
import type { QueueName } from './rules/queue-rules.ts';

/** An id, and the partition that gave it out. */
interface KnownId {
  readonly id: ItemId;
  readonly queue: QueueName;
  readonly partition: number;
  /** The name of the item and the number of this id of it: `a#2`. */
  readonly label: string;
}

/** Every id that the service has shown, in the order of first appearance. */
export class KnownIds {
  readonly #known = new Map<ItemId, KnownId>();
  readonly #perItem = new Map<string, number>();

  /** The text for an id in messages. */
  label(id: ItemId): string {
    return this.#known.get(id)?.label ?? `'${id}'`;
  }

  add(
    id: ItemId,
    item: { readonly name: string; readonly queue: QueueName; readonly partition: number },
  ): void {
    const count = (this.#perItem.get(item.name) ?? 0) + 1;
    this.#perItem.set(item.name, count);
    this.#known.set(id, { id, queue: item.queue, partition: item.partition, label: `${item.name}#${count}` });
  }

  has(id: ItemId): boolean {
    return this.#known.has(id);
  }

  get all(): readonly KnownId[] {
    return [...this.#known.values()];
  }

  /** The greatest id that a partition has given out. A new id must be greater. */
  greatest(queue: QueueName, partition: number): ItemId {
    const own = this.all.filter((known) => known.queue === queue && known.partition === partition);
    return (
      own
        .map(({ id }) => id)
        .sort()
        .at(-1) ?? ''
    );
  }
}
