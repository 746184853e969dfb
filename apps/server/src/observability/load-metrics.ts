import { Counter, Gauge, type Registry } from 'prom-client';

/** A share of the memory budget, in bytes, and how often it had no room. */
interface Share {
  readonly limit: number;
  readonly used: number;
  readonly refused: number;
}

/** What the requests and connections of a process take of their limits. */
export interface Load {
  readonly budget: {
    readonly producers: Share;
    readonly calls: Share;
    readonly pipelined: Share;
    readonly answers: Share;
    /** The bytes of `producers` that items hold. */
    readonly items: number;
  };
  readonly connections: {
    counts(): {
      readonly limit: number;
      readonly open: number;
      readonly idle: number;
      readonly consumers: number;
      readonly queued: number;
    };
    /** Closed connections by reason. */
    readonly closed: ReadonlyMap<string, number>;
  };
}

const SHARES = ['producers', 'calls', 'pipelined', 'answers'] as const;

/** Registers metrics that read the load at each scrape. */
export function registerLoadMetrics(registry: Registry, { budget, connections }: Load): void {
  const registers = [registry];
  new Gauge({
    name: 'querator_memory_budget_bytes',
    help: 'The shares of the memory budget: the limit, and the bytes in use',
    labelNames: ['share', 'state'],
    registers,
    collect() {
      for (const share of SHARES) {
        this.set({ share, state: 'limit' }, budget[share].limit);
        this.set({ share, state: 'used' }, budget[share].used);
      }
      this.set({ share: 'producers', state: 'items' }, budget.items);
    },
  });
  new Counter({
    name: 'querator_memory_budget_refusals_total',
    help: 'Requests for which a share of the memory budget had no room',
    labelNames: ['share'],
    registers,
    collect() {
      this.reset();
      for (const share of SHARES) this.inc({ share }, budget[share].refused);
    },
  });
  new Gauge({
    name: 'querator_connections',
    help: 'Client connections: the limit, open, idle, waiting for items, and waiting for a place',
    labelNames: ['state'],
    registers,
    collect() {
      const { limit, open, idle, consumers, queued } = connections.counts();
      this.set({ state: 'limit' }, limit);
      this.set({ state: 'open' }, open);
      this.set({ state: 'idle' }, idle);
      this.set({ state: 'waiting' }, consumers);
      this.set({ state: 'queued' }, queued);
    },
  });
  new Counter({
    name: 'querator_connections_closed_total',
    help: 'Connections that the server closed to protect the others, by reason',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of connections.closed) this.inc({ reason }, count);
    },
  });
}
