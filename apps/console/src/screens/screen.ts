import type { ComponentType } from 'preact';

/** The values of the path's names: `queue` of `queues/:queue`. */
export type PathValues = Readonly<Record<string, string>>;

/** A screen of the console. */
export interface Screen {
  /** The parts of its path. One that begins with `:` takes any value, under that name. */
  readonly path: readonly string[];
  /** The title of the browser's window. */
  readonly title: (values: PathValues) => string;
  readonly component: ComponentType<{ readonly values: PathValues }>;
  /** Its place in the navigation. Absent: it is reached from another screen. */
  readonly navigation?: { readonly label: string; readonly group: NavigationGroup };
}

/** What the entries of the navigation are grouped by. */
export type NavigationGroup = 'Work' | 'System' | 'People';

/** The values of a path for a screen, or undefined if the path is another one. */
export function matchPath(screen: Pick<Screen, 'path'>, path: readonly string[]): PathValues | undefined {
  if (path.length !== screen.path.length) return undefined;
  const values: Record<string, string> = {};
  for (const [at, part] of screen.path.entries()) {
    const given = path[at] ?? '';
    if (part.startsWith(':')) values[part.slice(1)] = given;
    else if (part !== given) return undefined;
  }
  return values;
}
