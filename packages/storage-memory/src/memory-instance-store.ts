import {
  type Clock,
  INSTANCE_RECORD_TIMEOUT,
  INSTANCE_TIMEOUT,
  type Instance,
  type InstanceRecord,
  type InstanceStore,
  type InstanceView,
  millisecondsBetween,
  toMilliseconds,
} from '@querator/core';
import { byteOrder } from './byte-order.ts';

const GONE_MS = toMilliseconds(INSTANCE_TIMEOUT);
const REMOVED_MS = toMilliseconds(INSTANCE_RECORD_TIMEOUT);

/** The records of services that share a backend in memory; see core's `InstanceStore`. */
export class MemoryInstanceStore implements InstanceStore {
  readonly #clock: Clock;
  readonly #assertOpen: () => void;
  readonly #records = new Map<string, Instance>();

  constructor(clock: Clock, assertOpen: () => void) {
    this.#clock = clock;
    this.#assertOpen = assertOpen;
  }

  async beat(record: InstanceRecord): Promise<InstanceView> {
    this.#assertOpen();
    const now = this.#clock.now();
    const ageMs = ({ heartbeatAt }: Instance) => millisecondsBetween(heartbeatAt, now);
    const { startedAt } = this.#records.get(record.id) ?? { startedAt: now };
    this.#records.set(record.id, { ...record, startedAt, heartbeatAt: now });
    for (const each of this.#records.values()) if (ageMs(each) > REMOVED_MS) this.#records.delete(each.id);
    const instances = [...this.#records.values()].filter((each) => ageMs(each) <= GONE_MS).sort(byStart);
    return { now, instances, unrecorded: [] };
  }

  async remove(id: string): Promise<void> {
    this.#assertOpen();
    this.#records.delete(id);
  }

  clear(): void {
    this.#records.clear();
  }
}

function byStart(a: Instance, b: Instance): number {
  return millisecondsBetween(b.startedAt, a.startedAt) || byteOrder(a.id, b.id);
}
