import process from 'node:process';
import type { MetricObjectWithValues, MetricValue } from 'prom-client';

/** What workers and their parent tell each other. */
export type Message =
  /** A worker takes connections. */
  | { readonly type: 'querator:listening' }
  /** A worker was asked for metrics, and wants those of all. */
  | { readonly type: 'querator:scrape'; readonly id: number }
  /** Here they are, as text. */
  | { readonly type: 'querator:scraped'; readonly id: number; readonly text: string }
  /** The parent wants the metrics of one worker. */
  | { readonly type: 'querator:collect'; readonly id: number }
  | {
      readonly type: 'querator:collected';
      readonly id: number;
      readonly metrics: readonly MetricObjectWithValues<MetricValue<string>>[];
    };

/** Whether something that came over the channel is ours; Node sends messages of its own. */
export function isMessage(value: unknown): value is Message {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    value.type.startsWith('querator:')
  );
}

/** Says something to the other end of this process's channel. Without one the parent is gone, and the end is near. */
export function send(message: Message): void {
  if (process.connected) process.send?.(message);
}
