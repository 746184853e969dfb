import type { Quota, QuotaKind, QuotaLimits, QuotaSubject } from '@querator/core';

/** The quotas of the configuration file. */
export interface ConfiguredQuotas {
  /** The limits of each namespace that has no others. */
  readonly default: QuotaLimits | undefined;
  readonly namespaces: ReadonlyMap<string, QuotaLimits>;
  /** By id. */
  readonly keys: ReadonlyMap<string, QuotaLimits>;
}

/** No quotas. */
export const NO_QUOTAS: ConfiguredQuotas = { default: undefined, namespaces: new Map(), keys: new Map() };

/** Where the limits of a subject come from. */
export type QuotaSource = 'stored' | 'configured' | 'default';

/** The limits in force. */
export interface QuotaInForce {
  readonly limits: QuotaLimits;
  readonly source: QuotaSource;
}

/** Finds the limits in force. A stored quota replaces the one of the configuration as a whole. */
export class QuotaTable {
  readonly #configured: ConfiguredQuotas;
  #stored: Readonly<Record<QuotaKind, ReadonlyMap<string, QuotaLimits>>> = {
    namespace: new Map(),
    key: new Map(),
  };
  /** Grows with each change. */
  version = 0;

  constructor(configured: ConfiguredQuotas) {
    this.#configured = configured;
  }

  /** Whether anything has a quota. */
  get any(): boolean {
    const { default: always, namespaces, keys } = this.#configured;
    const { namespace, key } = this.#stored;
    return always !== undefined || namespaces.size + keys.size + namespace.size + key.size > 0;
  }

  /** Replaces the stored quotas. */
  setStored(quotas: readonly Quota[]): void {
    const stored = { namespace: new Map<string, QuotaLimits>(), key: new Map<string, QuotaLimits>() };
    for (const { subject, limits } of quotas) stored[subject.kind].set(subject.name, limits);
    this.#stored = stored;
    this.version++;
  }

  /** The limits in force for a subject. Undefined: it has no quota. */
  find({ kind, name }: QuotaSubject): QuotaInForce | undefined {
    const stored = this.#stored[kind].get(name);
    if (stored !== undefined) return { limits: stored, source: 'stored' };
    const { namespaces, keys, default: always } = this.#configured;
    const configured = kind === 'namespace' ? namespaces.get(name) : keys.get(name);
    if (configured !== undefined) return { limits: configured, source: 'configured' };
    if (kind !== 'namespace' || always === undefined) return undefined;
    return { limits: always, source: 'default' };
  }
}
