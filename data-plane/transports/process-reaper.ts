/** Ends process groups that outlive this process, even when it is killed: a tiny shell waits for its end and kills them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * The shell runs in a session of its own and ignores what a terminal or a supervisor sends, so it is still there when
 * its input ends, which is when this process is gone, however it went. What stays open: a child that was started within
 * the microseconds before its line reached the shell; a descendant that left its group by a session of its own; and a
 * shell that is killed itself, for as long as it takes to start the next one, or together with this process.
 */
export interface ProcessReaper {
  /** `pid` must lead its own process group, as a child does that was spawned with `detached: true`. */
  watch(pid: number): void;
  /** The group is gone, and its number may be another's soon. */
  release(pid: number): void;
  /** Kills every group that is still watched; resolves when the shell has ended too. */
  close(): Promise<void>;
}

/** A line that is cut off by the end of the input names the wrong group, and `read` reports it as no line. */
const SCRIPT = `
trap '' INT TERM HUP QUIT PIPE
groups=' '
while read -r line; do
  group=\${line#?}
  case $line in
    +*) groups="$groups$group " ;;
    -*) case $groups in *" $group "*) groups="\${groups%%" $group "*} \${groups#*" $group "}" ;; esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
`;
const RESTART_PAUSE_MILLIS = 100;

/** Starts the shell. Throws when the host has no `/bin/sh`. */
export function startProcessReaper(): ProcessReaper {
  const watched = new Set<number>();
  let shell = startShell();
  let restart: NodeJS.Timeout | undefined;
  let isClosed = false;
  shell.once('exit', onExit);

  function onExit(): void {
    if (isClosed) return;
    restart = setTimeout(() => {
      shell = startShell();
      shell.once('exit', onExit);
      for (const pid of watched) shell.stdin?.write(`+${pid}\n`);
    }, RESTART_PAUSE_MILLIS);
    restart.unref();
  }

  return {
    watch: (pid) => {
      if (!Number.isSafeInteger(pid) || pid <= 1) throw new RangeError(`${pid} is no process group of ours`);
      watched.add(pid);
      shell.stdin?.write(`+${pid}\n`);
    },
    release: (pid) => {
      if (watched.delete(pid)) shell.stdin?.write(`-${pid}\n`);
    },
    close: async () => {
      isClosed = true;
      clearTimeout(restart);
      await endOf(shell);
    },
  };
}

function startShell(): ChildProcess {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'turnpike-reaper'], { detached: true, env: {}, cwd: '/', stdio: ['pipe', 'ignore', 'ignore'] });
  // Without a process identifier the reason comes as an event, and an event that nobody hears would end this process.
  shell.on('error', () => undefined);
  if (shell.pid === undefined) throw new Error('/bin/sh cannot be started, so nothing would end the child processes of a killed gateway');
  shell.unref();
  shell.stdin.on('error', () => undefined);
  letGo(shell.stdin);
  return shell;
}

/** The shell must not keep this process alive. */
function letGo(stream: Writable): void {
  if (stream instanceof Socket) stream.unref();
}

async function endOf(shell: ChildProcess): Promise<void> {
  shell.stdin?.end();
  if (shell.exitCode !== null || shell.signalCode !== null) return;
  shell.ref();
  await once(shell, 'exit');
}
