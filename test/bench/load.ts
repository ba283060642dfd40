/** The two loads: a closed loop that measures cost, and a steady rate that measures waiting. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOnLoadCore } from './rig.ts';

const CONNECTIONS = 32;
const WARM_UP_SECONDS = 1;

/** A `tools/call` of 250 bytes. */
export const CALL = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: 'a'.repeat(152) } } });

export interface Window {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Millis: number;
  readonly p99Millis: number;
}

export function wrkScript(token: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'turnpike-wrk-')), 'call.lua');
  const script = `wrk.method = "POST"
wrk.body = '${CALL}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer ${token}"
function done(summary, latency)
  io.write(string.format("RESULT %d %f %f %f %d\\n", summary.requests, summary.duration / 1000000, latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
`;
  writeFileSync(file, script);
  return file;
}

/** As many calls as 32 connections can make; warms up first, and calls `begin` and `end` around what counts. */
export async function closedLoop(url: string, script: string, seconds: number, around: { begin: () => void; end: () => void }): Promise<Window> {
  await runOnLoadCore('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${WARM_UP_SECONDS}`, '-s', script, url]);
  around.begin();
  const output = await runOnLoadCore('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}`, '-s', script, url]);
  around.end();
  const [requests = 0, duration = 0, p50Millis = 0, p99Millis = 0, errors = 0] = /RESULT (.*)/.exec(output)?.[1]?.split(' ').map(Number) ?? [];
  if (errors > 0 || requests === 0) throw new Error(`${url}: ${errors} of ${requests} calls failed\n${output}`);
  return { requests, seconds: duration, p50Millis, p99Millis };
}
