import { type PartitionKey, type PartitionOwner, StorageError } from '@querator/core';
import type { ArgsOf, Database, ResultOf } from '../database/database.ts';
import type { OwnedKey } from '../file/partitions.ts';
import { OtherOwnerError, UnmadePartitionError } from '../messages/failed-call.ts';
import type { Calls } from '../thread/calls.ts';

/** The names of the calls on one partition. */
type PartitionCall = {
  [Name in keyof Calls]: ArgsOf<Name> extends { readonly key: OwnedKey } ? Name : never;
}[keyof Calls];

type OtherArgs<Name extends PartitionCall> = Omit<ArgsOf<Name>, 'key'>;

interface OwnedCallsDeps {
  readonly name: string;
  readonly database: Database;
  readonly key: PartitionKey;
  readonly owner: PartitionOwner | undefined;
}

/**
 * The calls on one partition. If it still has the items of an earlier queue of its name,
 * they are removed, but only if that queue was deleted.
 */
export class OwnedCalls {
  readonly key: OwnedKey;
  readonly database: Database;
  readonly name: string;
  readonly #owner: PartitionOwner | undefined;

  constructor({ name, database, key, owner }: OwnedCallsDeps) {
    this.name = name;
    this.database = database;
    this.key = { queue: key.queue, partition: key.partition, createdAt: owner?.createdAt };
    this.#owner = owner;
  }

  /** Changes something. */
  call<Name extends PartitionCall>(name: Name, args: OtherArgs<Name>): Promise<ResultOf<Name>> {
    return this.#ofOwner((key) => this.database.call(name, withKey<Name>(args, key)));
  }

  /** Only reads. */
  read<Name extends PartitionCall>(name: Name, args: OtherArgs<Name>): Promise<ResultOf<Name>> {
    return this.#ofOwner((key) => this.database.read(name, withKey<Name>(args, key)));
  }

  /** Repeats a call until the partition is there, and belongs to the owner. */
  async #ofOwner<T>(call: (key: OwnedKey) => Promise<T>): Promise<T> {
    let { key } = this;
    for (;;) {
      try {
        return await call(key);
      } catch (error) {
        if (error instanceof OtherOwnerError) {
          await this.#removeEarlier(error);
          key = this.key;
        } else if (error instanceof UnmadePartitionError) {
          await this.#checkIsThere();
          key = { ...this.key, mayMake: error.state };
        } else {
          throw error;
        }
      }
    }
  }

  /** Asked after the state of the partition was read: if that changes meanwhile, the call is refused again. */
  async #checkIsThere(): Promise<void> {
    if ((await this.#owner?.isThere()) !== false) return;
    const { queue, partition } = this.key;
    const text = `partition ${partition} of queue '${queue}' is not made: the queue was deleted, or is being deleted`;
    throw new StorageError(`storage '${this.name}': ${text}`, { outcome: 'not-applied' });
  }

  async #removeEarlier({ createdAt }: OtherOwnerError): Promise<void> {
    const { queue, partition } = this.key;
    if ((await this.#owner?.wasDeleted(createdAt)) !== true) {
      const text = `partition ${partition} of queue '${queue}' has items of an earlier queue of that name`;
      throw new StorageError(`storage '${this.name}': ${text}`, { outcome: 'not-applied' });
    }
    await this.database.call('dropEarlier', { key: { queue, partition }, createdAt });
  }
}

function withKey<Name extends PartitionCall>(args: OtherArgs<Name>, key: OwnedKey): ArgsOf<Name> {
  return { ...args, key } as ArgsOf<Name>;
}
