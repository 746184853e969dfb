import type { Duration, ItemId, NewItem, QueueError } from '@querator/core';

/** An item to be produced. */
export interface PortNewItem extends NewItem {
  /** Pairs that go with the item where the server can keep them, and are left out where not. */
  readonly tracePairs?: Readonly<Record<string, string>> | undefined;
  /** A second item with this key is not stored. Only where the server knows keys. */
  readonly dedupKey?: string | undefined;
}

/** Items to be stored together and in order. */
export interface PortProduce {
  readonly queueName: string;
  /** 1 to 1,000 items. All of them have a key of their own, or none has. */
  readonly items: readonly PortNewItem[];
  readonly requestTimeout: string;
  /** One key for all items, if they have none of their own. A repeated request with it stores nothing. */
  readonly dedupKey: string | undefined;
  /** How long the keys count. */
  readonly dedupWindow: Duration | undefined;
}

/** What became of an item. */
export interface ProducedItem {
  /** Undefined: the server does not tell ids. */
  readonly id?: ItemId | undefined;
  readonly partition?: number | undefined;
  /** Whether it was not stored, because the key was used before. The id is that of the first item. */
  readonly duplicate?: boolean | undefined;
  /** Why it was not stored. */
  readonly error?: QueueError | undefined;
}

/** The call by which a producer works, on a server or in the same process. */
export interface ProducePort {
  /**
   * Stores items. They are stored when it returns, but those with an `error`.
   *
   * A call that fails as a whole throws. A QueueError `invalid` says that nothing
   * was stored, perhaps because of one item of many.
   *
   * @returns one for each item, in order.
   */
  produce(call: PortProduce): Promise<readonly ProducedItem[]>;

  /** Whether dedup keys count, so that a request with one can be repeated. */
  readonly canDedup: boolean;

  /** The most bytes in a request. Undefined: no limit. */
  readonly mostBytes: number | undefined;

  /**
   * Finds out what the server can, once. A port that knows has none.
   *
   * @throws as the other calls do. Then a later call tries again.
   */
  readonly discover?: (() => Promise<void>) | undefined;
}
