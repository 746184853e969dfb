import { existsSync } from 'node:fs';
import process from 'node:process';
import { apt } from '@querator/tooling-postgres/debian';
import { CannotRunHere, lastLine } from '../cannot-run-here.ts';

/** The programs of the engine and of its images, with their Debian packages. */
const PROGRAMS: Readonly<Record<string, string>> = {
  '/usr/bin/podman': 'podman',
  '/usr/sbin/runc': 'runc',
  '/usr/lib/podman/netavark': 'netavark',
  '/usr/lib/podman/aardvark-dns': 'aardvark-dns',
  '/usr/sbin/iptables': 'iptables',
  '/usr/sbin/debootstrap': 'debootstrap',
};

/**
 * Installs missing programs from Debian's packages.
 *
 * @throws CannotRunHere without root's rights, apt, or access to the packages.
 */
export function installEngine(): void {
  if (process.platform !== 'linux') throw new CannotRunHere(`needs Linux, this is ${process.platform}`);
  if (process.getuid?.() !== 0) throw new CannotRunHere('needs root for podman and debootstrap');
  const missing = Object.keys(PROGRAMS).filter((program) => !existsSync(program));
  if (missing.length === 0) return;
  const packages = missing.map((program) => PROGRAMS[program] ?? '');
  if (!existsSync('/usr/bin/apt-get')) {
    throw new CannotRunHere(`needs Debian's packages ${packages.join(', ')}, and there is no apt-get`);
  }
  process.stdout.write(`Installing ${packages.join(', ')}.\n`);
  try {
    apt(['update', '-qq']);
    apt(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
  } catch (error) {
    throw new CannotRunHere(lastLine(String(error)));
  }
  const absent = missing.filter((program) => !existsSync(program));
  if (absent.length > 0) throw new CannotRunHere(`Debian's packages do not have ${absent.join(', ')}`);
}
