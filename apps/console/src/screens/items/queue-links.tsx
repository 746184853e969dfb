import { formatAddress } from '../../address/address-text.ts';

/**
 * Links between the screens of one queue.
 *
 * @param props `present`: the screen that is shown. `deadQueue`: where its dead letters are. Absent: in the
 *   queue itself, if anywhere. Only those of this queue are shown there: others may use it too. Its schedules are
 *   those of its namespace.
 */
export function QueueLinks({
  queue,
  present,
  deadQueue,
  namespace,
}: {
  readonly queue: string;
  readonly present: string;
  readonly deadQueue?: string | undefined;
  /** The namespace of the queue. Absent: it is not known yet. */
  readonly namespace?: string | undefined;
}) {
  const links = [
    ['queue', 'Queue', ['queues', queue]],
    ['items', 'Items', ['queues', queue, 'items']],
    ['dead-letters', 'Dead letters', ['queues', deadQueue || queue, 'dead-letters']],
  ] as const;
  const params = (name: string) => (name === 'dead-letters' && deadQueue ? { source_queue: queue } : {});
  return (
    <nav class="links" aria-label="Screens of the queue">
      {links.map(([name, label, path]) => (
        <a
          key={name}
          href={formatAddress(path, params(name))}
          aria-current={name === present ? 'page' : undefined}
        >
          {label}
        </a>
      ))}
      <a href={formatAddress(['tasks'], { queue })}>Its tasks</a>
      {namespace !== undefined && (
        <a href={formatAddress(['schedules'], { queue, ...(namespace === '_system' ? {} : { namespace }) })}>
          Its schedules
        </a>
      )}
    </nav>
  );
}
