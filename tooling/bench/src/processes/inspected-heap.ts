import { once } from 'node:events';

/**
 * Bytes of live objects on the heap of a process that was started with --inspect:
 * the heap after full collections.
 *
 * @param port of its inspector.
 */
export async function liveHeapBytes(port: number): Promise<number> {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const [{ webSocketDebuggerUrl }] = targets as [{ readonly webSocketDebuggerUrl: string }];
  const socket = new WebSocket(webSocketDebuggerUrl);
  await once(socket, 'open');
  try {
    // The second collection frees what the finalizers of the first one release.
    await call(socket, 1, 'HeapProfiler.collectGarbage');
    await call(socket, 2, 'HeapProfiler.collectGarbage');
    const { usedSize } = (await call(socket, 3, 'Runtime.getHeapUsage')) as { readonly usedSize: number };
    return usedSize;
  } finally {
    socket.close();
  }
}

/** Makes one call at a time. @throws Error with the inspector's error. */
async function call(socket: WebSocket, id: number, method: string): Promise<unknown> {
  socket.send(JSON.stringify({ id, method }));
  const [event] = (await once(socket, 'message')) as [{ readonly data: string }];
  const answer = JSON.parse(event.data) as { readonly result?: unknown; readonly error?: unknown };
  if (answer.result === undefined) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
  return answer.result;
}
