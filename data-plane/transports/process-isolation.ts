/** Keeps STDIO servers apart from the gateway: by a user id of their own, and by a process namespace for each, where the host allows it. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

/** Whom children run as, in place of the gateway's own user. */
export interface ChildUser {
  readonly uid: number;
  readonly gid: number;
}

/** What is started for a program. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** For the system to change to; undefined where the launched command does it, or nobody. */
  readonly user: ChildUser | undefined;
}

export interface ProcessIsolation {
  /** Undefined when children run as the gateway does. */
  readonly user: ChildUser | undefined;
  /** Throws when there is no such program. What is launched may be signalled by its process group like the program itself. */
  launch(command: string, args: readonly string[]): Launch;
  /** What holds on this host, and why not what does not, for the log. */
  tell(): { readonly userId: string; readonly processNamespace: string };
}

/** Undefined when there can be namespaces. */
type NamespaceProbe = (user: ChildUser | undefined) => string | undefined;

// By their whole names, since the environment of a child may hold a PATH of its own.
const UNSHARE = '/usr/bin/unshare';
const SETPRIV = '/usr/bin/setpriv';
const SHELL = '/bin/sh';
const PROBE = '/bin/true';
const PROBE_TIMEOUT_MILLIS = 5000;

/**
 * Both shells let go of the pipes, so that a child that closes its end is noticed, and hand the input on by another number, since a shell takes 0 from
 * what it does not wait for. This one, outside the namespace, outlives a SIGTERM that is
 * meant for the child, and ends as the child did.
 */
const OUTSIDE = `
trap : TERM
exec 3<&0
"$@" <&3 3<&- &
child=$!
exec <&- 3<&- >&- 2>&-
wait "$child"; code=$?
while [ "$code" -gt 128 ] && kill -s 0 "$child"; do wait "$child"; code=$?; done
if [ "$code" -gt 128 ]; then
  trap - TERM
  kill "-$((code - 128))" "$$"
fi
exit "$code"
`;
/**
 * The first process inside, with whom all others end. It is not the child, because signals that the first process does not handle do not
 * reach it (pid_namespaces(7)), and SIGTERM would be one.
 */
const INSIDE = `
exec 3<&0
"$@" <&3 3<&- &
exec <&- 3<&- >&- 2>&-
wait "$!"
`;

/** Children share everything with the gateway. */
export const NO_ISOLATION: ProcessIsolation = {
  user: undefined,
  launch: (command, args) => ({ command, args, user: undefined }),
  tell: () => ({ userId: 'that of the gateway', processNamespace: 'that of the gateway' }),
};

/**
 * Looks at the host when the first program is launched: `findObjection` says why there can be no namespaces. Throws when children are to have a user
 * that this process cannot give them.
 */
export function createProcessIsolation(user: ChildUser | undefined, findObjection: NamespaceProbe = probe): ProcessIsolation {
  if (user !== undefined && process.getuid?.() !== 0) throw new Error('TURNPIKE_STDIO_USER: only root can start programs as another user');
  let found: { readonly objection: string | undefined } | undefined;
  const objectionToNamespaces = (): string | undefined => (found ??= { objection: findObjection(user) }).objection;
  return {
    user,
    launch: (command, args) => {
      if (objectionToNamespaces() !== undefined) return { command, args, user };
      // The shells start whether or not there is a program, and who called should be told which it was.
      accessSync(command, constants.X_OK);
      return { ...inNamespace(user, command, args), user: undefined };
    },
    tell: () => {
      const objection = objectionToNamespaces();
      return {
        userId: user === undefined ? 'that of the gateway, since TURNPIKE_STDIO_USER is not set' : `their own (${user.uid})`,
        processNamespace: objection === undefined ? 'one of its own for each' : `that of the gateway, since ${objection}`,
      };
    },
  };
}

/**
 * The namespace is made by root, and left for the user inside. Its first process dies with the shell outside, however that ends; the signal for
 * this is asked for after the user has changed, which would take it back.
 */
function inNamespace(user: ChildUser | undefined, command: string, args: readonly string[]): { command: string; args: string[] } {
  const identity = user === undefined ? [] : ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
  const inside = [UNSHARE, '--mount-proc', '--', SETPRIV, '--pdeathsig', 'KILL', ...identity, '--', SHELL, '-c', INSIDE, 'turnpike-inside', command, ...args];
  return { command: UNSHARE, args: ['--pid', '--', SHELL, '-c', OUTSIDE, 'turnpike-outside', ...inside] };
}

/** Starts a program that does nothing, as all others would be started. */
function probe(user: ChildUser | undefined): string | undefined {
  const { command, args } = inNamespace(user, PROBE, []);
  const { status, error, stderr } = spawnSync(command, args, { env: {}, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'], timeout: PROBE_TIMEOUT_MILLIS });
  if (status === 0) return undefined;
  return error?.message ?? (stderr.toString('utf8').trim() || `${UNSHARE} ended with ${status}`);
}
