import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ProtoMessage, parseProto } from './parse-proto.ts';

const FOLDER = fileURLToPath(new URL('../../../../packages/protocol/proto', import.meta.url));

/** Every message of the protocol, by its name. The names of `querator.v2` begin with `v2.`. */
export function readMessages(): ReadonlyMap<string, ProtoMessage> {
  const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.proto')).sort();
  return new Map(
    files.flatMap((name) =>
      parseProto(readFileSync(join(FOLDER, name), 'utf8')).map((message) => [
        `${prefixOf(name)}${message.name}`,
        message,
      ]),
    ),
  );
}

/** Messages of `querator.v2` may have the names of older ones. */
function prefixOf(file: string): string {
  return dirname(file) === join('querator', 'v2') ? 'v2.' : '';
}
