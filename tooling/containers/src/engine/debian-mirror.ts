import { spawnSync } from 'node:child_process';
import { CannotRunHere } from '../cannot-run-here.ts';

/**
 * The mirror of Debian's archive that this machine's apt uses.
 *
 * @throws CannotRunHere without one, as on another distribution.
 */
export function debianMirror(): string {
  const { stdout } = spawnSync(
    'apt-get',
    ['indextargets', '--format', '$(CREATED_BY) $(LABEL) $(REPO_URI)'],
    {
      encoding: 'utf8',
    },
  );
  const mirror = /^Packages Debian (\S+)$/m.exec(stdout ?? '')?.[1];
  if (mirror === undefined) throw new CannotRunHere("this machine's apt knows no mirror of Debian's archive");
  return mirror;
}
