/** A small gateway process for tests that is killed: runs two sleepers, one of them in a session of its own, and waits. */
import { pino } from 'pino';
import { createProcessIsolation, NO_ISOLATION } from '../../data-plane/transports/process-isolation.ts';
import { startProcessReaper } from '../../data-plane/transports/process-reaper.ts';
import { STDIO_LIMITS } from '../../data-plane/transports/stdio-limits.ts';
import { StdioProcess } from '../../data-plane/transports/stdio-process.ts';

const [form, seconds = ''] = process.argv.slice(2);
const isolation = form === 'isolated' ? createProcessIsolation(undefined) : NO_ISOLATION;

const child = new StdioProcess(
  { command: '/bin/sh', args: ['-c', `setsid sleep ${seconds} & sleep ${seconds} & echo ready; wait`], environment: { PATH: '/usr/bin:/bin' }, secrets: [] },
  { isolation, reaper: startProcessReaper(), limits: STDIO_LIMITS, log: pino({ level: 'silent' }) },
  {
    onLine: (line) => void process.stdout.write(`${line.toString()}\n`),
    onLineTooLong: () => undefined,
    onEnd: () => undefined,
  },
);
await child.gone;
