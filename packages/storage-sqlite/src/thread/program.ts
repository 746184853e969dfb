import { parentPort, workerData } from 'node:worker_threads';
import type { Request, ThreadStart } from '../messages/requests.ts';
import { Housekeeping } from './housekeeping.ts';
import { FileServer } from './serve-file.ts';

/*
 * The program of a storage's thread. Requests come one at a time; between them, the
 * thread removes what dropped partitions left.
 */
const server = new FileServer(workerData as ThreadStart);
const housekeeping = new Housekeeping(server);

parentPort?.on('message', (request: Request) => {
  parentPort?.postMessage(server.answer(request));
  if ((workerData as ThreadStart).role === 'write') housekeeping.soon();
});
