import { statSync } from 'node:fs';
import { join } from 'node:path';

/** The name of the file, if the path is a folder. */
const FILE_IN_FOLDER = 'querator.db';

/** The file for a path that may be a folder. */
export function fileAt(path: string): string {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? join(path, FILE_IN_FOLDER) : path;
}
