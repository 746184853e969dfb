import process from 'node:process';
import type { MetricObjectWithValues, MetricValue } from 'prom-client';

/** The messages between workers and their parent. */
export type Message =
  /** From a worker: it listens. */
  | { readonly type: 'querator:listening' }
  /** To a worker: it is to reload. */
  | { readonly type: 'querator:reload' }
  /** From a worker: it was scraped, and needs the metrics of all workers. */
  | { readonly type: 'querator:scrape'; readonly id: number }
  /** To the scraped worker: the metrics of all workers. */
  | { readonly type: 'querator:scraped'; readonly id: number; readonly text: string }
  /** To a worker: its metrics are needed. */
  | { readonly type: 'querator:collect'; readonly id: number }
  /** From a worker: its metrics. */
  | {
      readonly type: 'querator:collected';
      readonly id: number;
      readonly metrics: readonly MetricObjectWithValues<MetricValue<string>>[];
    };

/** Whether a message of the channel is one of these. Node sends messages of its own. */
export function isMessage(value: unknown): value is Message {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    value.type.startsWith('querator:')
  );
}

/** Sends a message over the channel of this process. Does nothing without a channel: then the parent has ended. */
export function send(message: Message): void {
  if (process.connected) process.send?.(message);
}
