import {
  codecs,
  codecsV2,
  type ItemsDedupKey,
  type ItemsItem,
  type QueueInfo,
  type QueuesPausesResponse,
  type QuotaLimits,
  type Schedule,
} from '@querator/protocol';
import type { DigestValue } from '../items/item-digest.ts';
import { ArchiveFault } from './archive-fault.ts';

/** The format that this version writes and reads. */
const FORMAT = 1;

/** The first line of an archive. */
export interface ArchiveHeader {
  /** Random. Archives of two exports differ. */
  readonly id: string;
  /** When the export began, in RFC 3339. */
  readonly createdAt: string;
}

/** How far an export is, after the lines above it. */
export interface Checkpoint {
  /** SHA-256 over the chain of the checkpoint before and the lines since then, in hex. */
  readonly chain: string;
}

/** The last line. */
export interface ArchiveEnd extends Checkpoint {
  /** By names of queues. */
  readonly queues: ReadonlyMap<string, DigestValue>;
}

/** A line of an archive. */
export type ArchiveLine =
  | { readonly is: 'header'; readonly header: ArchiveHeader }
  /** The settings of a queue, and its pauses. They come before all items. */
  | {
      readonly is: 'queue';
      readonly info: QueueInfo;
      /** Undefined: it was not paused, or the archive is one of before pauses were written. */
      readonly pause?: QueuesPausesResponse | undefined;
    }
  /** A schedule of one of the queues before. */
  | { readonly is: 'schedule'; readonly schedule: Schedule }
  /** The quota of a namespace of these queues. */
  | { readonly is: 'quota'; readonly namespace: string; readonly limits: QuotaLimits }
  /** The items up to the next such line are those of this queue. */
  | { readonly is: 'section'; readonly queue: string }
  /** A dedup key of this queue. They come before its items. */
  | { readonly is: 'key'; readonly key: ItemsDedupKey }
  | { readonly is: 'item'; readonly item: ItemsItem }
  | { readonly is: 'checkpoint'; readonly checkpoint: Checkpoint }
  | { readonly is: 'end'; readonly end: ArchiveEnd };

const NEW_LINE = Buffer.from('\n');
/** What tells the lines of an archive from items, which have no such field. */
const MARK = '{"querator":';

/** The bytes of a line, with its line feed. */
export function encodeLine(line: ArchiveLine): Uint8Array {
  if (line.is === 'item') return Buffer.concat([codecsV2.ItemsItem.toJson(line.item), NEW_LINE]);
  return Buffer.from(`${JSON.stringify({ querator: line.is, ...fieldsOf(line) })}\n`);
}

function fieldsOf(line: Exclude<ArchiveLine, { is: 'item' }>): object {
  switch (line.is) {
    case 'header':
      return { format: FORMAT, id: line.header.id, created_at: line.header.createdAt };
    case 'queue':
      return {
        settings: plain(codecs.QueueInfo.toJson(line.info)),
        ...(line.pause && { pause: plain(codecsV2.QueuesPausesResponse.toJson(line.pause)) }),
      };
    case 'schedule':
      return { schedule: plain(codecsV2.Schedule.toJson(line.schedule)) };
    case 'quota':
      return { namespace: line.namespace, limits: plain(codecsV2.QuotaLimits.toJson(line.limits)) };
    case 'section':
      return { queue: line.queue };
    case 'key':
      return { key: plain(codecsV2.ItemsDedupKey.toJson(line.key)) };
    case 'checkpoint':
      return { chain: line.checkpoint.chain };
    case 'end':
      return { queues: queuesOf(line.end.queues), chain: line.end.chain };
  }
}

/** JSON as a value. */
function plain(json: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(json));
}

function queueOf({ settings, pause }: Record<string, unknown>) {
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
  const info = codecs.QueueInfo.fromJson(bytes(settings));
  return pause === undefined
    ? { info }
    : { info, pause: codecsV2.QueuesPausesResponse.fromJson(bytes(pause)) };
}

function queuesOf(queues: ArchiveEnd['queues']): readonly object[] {
  return [...queues].map(([queue, { items, digest, keys }]) => {
    return { queue, items, digest, ...(keys && { keys: { count: keys.count, digest: keys.digest } }) };
  });
}

/** What the last chain covers besides the lines: the numbers and digests of the last line itself. */
export function endBytes(queues: ArchiveEnd['queues']): Uint8Array {
  return Buffer.from(JSON.stringify(queuesOf(queues)));
}

/** Reads a line without its line feed. @throws ArchiveFault if it is none of an archive of this format. */
export function decodeLine(bytes: Uint8Array): ArchiveLine {
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (line.toString('latin1', 0, MARK.length) !== MARK) {
    return { is: 'item', item: codecsV2.ItemsItem.fromJson(bytes) };
  }
  const value = JSON.parse(line.toString()) as Record<string, unknown>;
  switch (value['querator']) {
    case 'header':
      if (value['format'] === FORMAT) break;
      throw new ArchiveFault(`its format is ${value['format']}, and this version reads format ${FORMAT}`);
    case 'queue':
      return { is: 'queue', ...queueOf(value) };
    case 'schedule': {
      const bytes = Buffer.from(JSON.stringify(value['schedule']));
      return { is: 'schedule', schedule: codecsV2.Schedule.fromJson(bytes) };
    }
    case 'quota': {
      const bytes = Buffer.from(JSON.stringify(value['limits']));
      const limits = codecsV2.QuotaLimits.fromJson(bytes);
      return { is: 'quota', namespace: String(value['namespace']), limits };
    }
    case 'section':
      return { is: 'section', queue: String(value['queue']) };
    case 'key': {
      const bytes = Buffer.from(JSON.stringify(value['key']));
      return { is: 'key', key: codecsV2.ItemsDedupKey.fromJson(bytes) };
    }
    case 'checkpoint':
      return { is: 'checkpoint', checkpoint: { chain: String(value['chain']) } };
    case 'end': {
      const queues = value['queues'] as readonly ({ readonly queue: string } & DigestValue)[];
      const values = queues.map(
        ({ queue, items, digest, keys }) => [queue, { items, digest, keys }] as const,
      );
      return { is: 'end', end: { queues: new Map(values), chain: String(value['chain']) } };
    }
    default:
      throw new ArchiveFault(`it has a line of the unknown kind '${value['querator']}'`);
  }
  return { is: 'header', header: { id: String(value['id']), createdAt: String(value['created_at']) } };
}
