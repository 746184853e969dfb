import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, repositoryFiles, root } from './repository.ts';

const pages = repositoryFiles().filter((name) => name.endsWith('.md'));

/** Prose without its code, where brackets and parentheses mean other things. */
const prose = (text: string) => text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '');

/** The anchors that a page's headings make. */
function anchors(page: string): Set<string> {
  const headings = read(page)
    .replace(/^(```|~~~)[\s\S]*?^\1/gm, '')
    .matchAll(/^#{1,6}\s+(.*?)\s*$/gm);
  const made = new Set<string>();
  for (const [, heading = ''] of headings) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    let name = slug;
    for (let n = 1; made.has(name); n++) name = `${slug}-${n}`;
    made.add(name);
  }
  return made;
}

/** The links of a page to files of the repository. */
function linksOf(page: string): readonly string[] {
  const links = [...prose(read(page)).matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s+(\S+)/gm)];
  return links
    .map(([, inline, reference]) => inline ?? reference ?? '')
    .filter((link) => !/^[a-z][a-z0-9+.-]*:/i.test(link));
}

/** The file that a link leads to. */
function targetOf(page: string, link: string): string {
  const [path = ''] = link.split('#');
  return path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)));
}

function broken(page: string): readonly string[] {
  return linksOf(page).filter((link) => {
    const target = targetOf(page, link);
    const anchor = link.split('#')[1];
    if (!existsSync(join(root, target))) return true;
    if (anchor === undefined || statSync(join(root, target)).isDirectory()) return false;
    return target.endsWith('.md') && !anchors(target).has(anchor);
  });
}

/** The pages that links lead to from a page, over any number of links. */
function reachableFrom(start: string): ReadonlySet<string> {
  const reached = new Set([start]);
  for (const page of reached) {
    for (const target of linksOf(page).map((link) => targetOf(page, link))) {
      // A link to a folder shows its README.
      for (const name of [target, join(target, 'README.md')]) if (pages.includes(name)) reached.add(name);
    }
  }
  return reached;
}

describe('links in documents', () => {
  it.each(pages)('%s has links to existing files and headings only', (page) => {
    expect(broken(page)).toEqual([]);
  });

  it('lead from the README to every page under docs', () => {
    const reached = reachableFrom('README.md');
    expect(pages.filter((page) => page.startsWith('docs/') && !reached.has(page))).toEqual([]);
  });
});
