import type { Meter } from '@querator/access';

/** Where the owner of a connection is counted. */
type Slot = 'key' | 'namespace';

/** A connection, as far as its end matters here. */
interface Closing {
  once(event: 'close', listener: () => void): unknown;
}

/** The meters that count one connection. */
type Owners = Partial<Record<Slot, Meter>>;

/** Counts connections for the API key and the namespace of their last call. */
export class ConnectionOwners {
  readonly #owners = new WeakMap<object, Owners>();

  /**
   * The connection has a call of this owner.
   *
   * @param meter undefined: an owner without limits.
   * @throws QuotaError if the owner has too many connections. This one has to be closed then.
   */
  claim(connection: Closing, slot: Slot, meter: Meter | undefined): void {
    const owners =
      this.#owners.get(connection) ?? (meter === undefined ? undefined : this.#track(connection));
    if (owners === undefined) return;
    const isCounted = meter !== undefined && owners[slot] === meter;
    if (!isCounted) release(owners, slot);
    if (meter === undefined) return;
    delete owners[slot];
    meter.connect(isCounted);
    owners[slot] = meter;
  }

  #track(connection: Closing): Owners {
    const owners: Owners = {};
    this.#owners.set(connection, owners);
    connection.once('close', () => {
      release(owners, 'key');
      release(owners, 'namespace');
    });
    return owners;
  }
}

function release(owners: Owners, slot: Slot): void {
  owners[slot]?.disconnect();
  delete owners[slot];
}
