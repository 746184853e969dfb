import { once } from 'node:events';

/**
 * Bytes that live on the heap of a process that was started with --inspect:
 * what is left after a full collection, with nothing in it that is garbage.
 *
 * @param port where its inspector listens.
 */
export async function liveHeapBytes(port: number): Promise<number> {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const [{ webSocketDebuggerUrl }] = targets as [{ readonly webSocketDebuggerUrl: string }];
  const socket = new WebSocket(webSocketDebuggerUrl);
  await once(socket, 'open');
  try {
    // A second collection takes what the first one's finalizers let go of.
    await call(socket, 1, 'HeapProfiler.collectGarbage');
    await call(socket, 2, 'HeapProfiler.collectGarbage');
    const { usedSize } = (await call(socket, 3, 'Runtime.getHeapUsage')) as { readonly usedSize: number };
    return usedSize;
  } finally {
    socket.close();
  }
}

/** One call under way at a time. @throws Error with what the inspector says. */
async function call(socket: WebSocket, id: number, method: string): Promise<unknown> {
  socket.send(JSON.stringify({ id, method }));
  const [event] = (await once(socket, 'message')) as [{ readonly data: string }];
  const answer = JSON.parse(event.data) as { readonly result?: unknown; readonly error?: unknown };
  if (answer.result === undefined) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
  return answer.result;
}
