import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ProtoMessage, parseProto } from './parse-proto.ts';

const FOLDER = fileURLToPath(new URL('../../../../packages/protocol/proto', import.meta.url));

/** Every message of the protocol, by its name. */
export function readMessages(): ReadonlyMap<string, ProtoMessage> {
  const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.proto')).sort();
  const messages = files.flatMap((name) => parseProto(readFileSync(join(FOLDER, name), 'utf8')));
  return new Map(messages.map((message) => [message.name, message]));
}
