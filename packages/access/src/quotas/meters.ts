import type { QuotaKind, QuotaSubject } from '@querator/core';
import { Meter } from './meter.ts';
import type { QuotaTable } from './quota-table.ts';

export interface MetersDeps {
  readonly monotonicMs: () => number;
  readonly table: QuotaTable;
  readonly liveProcesses: () => number;
  /** Called with a test for the namespaces that still have a meter, after others were forgotten. */
  readonly forgotten: (isKept: (namespace: string) => boolean) => void;
}

/** Meters beyond this number are looked through for idle ones. */
const MANY_METERS = 1_000;

/** The meters of the namespaces and keys that have limits. */
export class Meters {
  readonly #deps: MetersDeps;
  readonly #meters: Readonly<Record<QuotaKind, Map<string, Meter>>> = {
    namespace: new Map(),
    key: new Map(),
  };
  #most = MANY_METERS;

  constructor(deps: MetersDeps) {
    this.#deps = deps;
  }

  /** The meter of a subject, with its present limits. Undefined: it has none. */
  get({ kind, name }: QuotaSubject): Meter | undefined {
    const { table, liveProcesses, monotonicMs } = this.#deps;
    const processes = liveProcesses();
    const known = this.#meters[kind].get(name);
    if (known?.isCurrent(table.version, processes)) return known.hasLimits ? known : undefined;
    const limits = table.find({ kind, name })?.limits;
    if (known === undefined && limits === undefined) return undefined;
    const meter = known ?? this.#add({ kind, name });
    meter.setLimits(limits ?? {}, { version: table.version, processes, nowMs: monotonicMs() });
    return meter.hasLimits ? meter : undefined;
  }

  /** The meters of a key and a namespace, those that have limits. */
  of(keyId: string | undefined, namespace: string | undefined): readonly Meter[] {
    const key = keyId === undefined ? undefined : this.get({ kind: 'key', name: keyId });
    const ofNamespace =
      namespace === undefined ? undefined : this.get({ kind: 'namespace', name: namespace });
    return [key, ofNamespace].filter((meter) => meter !== undefined);
  }

  /** The meter of a subject, if it has or had limits. */
  peek({ kind, name }: QuotaSubject): Meter | undefined {
    return this.#meters[kind].get(name);
  }

  all(): readonly Meter[] {
    return [...this.#meters.namespace.values(), ...this.#meters.key.values()];
  }

  #add(subject: QuotaSubject): Meter {
    this.#prune();
    const meter = new Meter(subject, this.#deps.monotonicMs());
    this.#meters[subject.kind].set(subject.name, meter);
    return meter;
  }

  /** Forgets idle meters once there are many. */
  #prune(): void {
    const { namespace, key } = this.#meters;
    if (namespace.size + key.size < this.#most) return;
    const nowMs = this.#deps.monotonicMs();
    for (const meters of [namespace, key]) {
      for (const [name, meter] of meters) if (meter.isIdle(nowMs)) meters.delete(name);
    }
    this.#deps.forgotten((name) => namespace.has(name));
    this.#most = Math.max(2 * (namespace.size + key.size), MANY_METERS);
  }
}
