/** Finds programs among all that a process has started, directly or through others. */
import { execFileSync } from 'node:child_process';

/** The ids of those whose command line has the part; one that has ended and waits for its parent to take note is not among them. */
export function pidsBelow(ancestor: number, commandPart: string): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, state = '', args = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), isThere: !state.startsWith('Z'), args }];
    });
  const family = new Set([ancestor]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const { pid, parent } of rows) if (family.has(parent)) family.add(pid);
  }
  // What starts a child in a namespace names its program too.
  const isMeant = (args: string): boolean => args.includes(commandPart) && !/turnpike-(?:inside|outside)/.test(args);
  return rows.filter(({ pid, isThere, args }) => family.has(pid) && isThere && isMeant(args)).map(({ pid }) => pid);
}
