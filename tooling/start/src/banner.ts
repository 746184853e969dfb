/** The contents of the banner. */
export interface Banner {
  /** `host:port` for a client on this machine. */
  readonly at: string;
  /** The storage of queues and items. */
  readonly data: string;
  /** What the user has to know about data that this server does not use. */
  readonly otherData?: string | undefined;
}

function curl(at: string, method: string, body: unknown): string {
  return `  curl -s ${at}/v1/${method} -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`;
}

/**
 * The text that `npm start` prints once the server listens: address, storage, data of earlier starts that it does not
 * use, and three commands to try.
 */
export function banner({ at, data, otherData }: Banner): string {
  const queue = { queue_name: 'hello' };
  return [
    '',
    `Querator listens on http://${at}`,
    `Data: ${data}`,
    '',
    ...(otherData === undefined ? [] : [otherData, '']),
    'Try next, in another terminal: make a queue, produce an item, lease it.',
    curl(at, 'queues.create', {
      ...queue,
      lease_timeout: '1m',
      expire_timeout: '336h',
      requested_partitions: 1,
    }),
    curl(at, 'queue.produce', { ...queue, request_timeout: '5s', items: [{ utf8: 'my first item' }] }),
    curl(at, 'queue.lease', { ...queue, request_timeout: '5s', client_id: 'me', batch_size: 1 }),
    '',
    'Ctrl-C stops it.',
    '',
    '',
  ].join('\n');
}
