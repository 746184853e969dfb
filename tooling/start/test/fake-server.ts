/**
 * Replaces the server in tests. It accepts the server's flags, answers /health,
 * and records its events in the file FAKE_SERVER_NOTES. After a SIGTERM it exits
 * with a short delay, like a server that drains.
 */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import process from 'node:process';
import { parseArgs } from 'node:util';

const notes = process.env['FAKE_SERVER_NOTES'] ?? '';
const note = (line: string) => appendFileSync(notes, `${line}\n`);
const { values } = parseArgs({
  allowPositionals: true,
  options: { address: { type: 'string' }, config: { type: 'string' } },
});
note(JSON.stringify({ pid: process.pid, ...values }));
if (process.env['FAKE_SERVER_MODE'] === 'fails') process.exit(3);
const server = createServer((_request, response) => response.end('{"status":"pass"}'));
server.listen(Number(values.address?.split(':').at(-1) ?? 0), '127.0.0.1');
process.on('SIGTERM', () => {
  note('draining');
  if (process.env['FAKE_SERVER_MODE'] === 'hangs') return;
  setTimeout(() => {
    note('drained');
    process.exit();
  }, 300);
});
