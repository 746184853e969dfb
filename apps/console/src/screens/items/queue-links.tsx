import { formatAddress } from '../../address/address-text.ts';

/**
 * Links between the screens of one queue.
 *
 * @param props `present`: the screen that is shown. `deadQueue`: where its dead letters are. Absent: in the
 *   queue itself, if anywhere. Only those of this queue are shown there: others may use it too.
 */
export function QueueLinks({
  queue,
  present,
  deadQueue,
}: {
  readonly queue: string;
  readonly present: string;
  readonly deadQueue?: string | undefined;
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
    </nav>
  );
}
