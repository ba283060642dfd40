/** The two loads, both by wrk: a closed loop that measures cost, and a steady rate that measures waiting. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOnLoadCore } from './rig.ts';

const CONNECTIONS = 32;
const WARM_UP_SECONDS = 1;
/** Between two calls of one of the 32 connections: 1,000 calls a second in all, at moments that do not repeat. */
const PAUSE_MILLIS = { least: 20, most: 40 };

const MESSAGE =
  'Get the last three invoices of this customer, compare the amounts with the contract, and note down in a few words every difference that you see in them.';
/** A `tools/call` of 250 bytes. */
export const CALL = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: MESSAGE } } });

export interface Window {
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly p50Millis: number;
  readonly p99Millis: number;
}

export interface LoadScripts {
  readonly closedLoop: string;
  readonly steady: string;
}

/** Some calls of a load were not answered with 200; what such a window measured is worth nothing. */
export class LoadFailed extends Error {
  override readonly name = 'LoadFailed';
}

/** A `tools/call` of so many bytes, in words rather than in one letter, as rules read them. */
export function callOf(bytes: number): string {
  const words = MESSAGE.repeat(Math.ceil(bytes / MESSAGE.length));
  return CALL.replace(MESSAGE, words.slice(0, bytes - CALL.length + MESSAGE.length));
}

export interface Calls {
  /** Sent with every call, beside the usual headers. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Writes the two wrk scripts into the directory. */
export function writeScripts(directory: string, token: string, { headers = {}, body = CALL }: Calls = {}): LoadScripts {
  const further = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = "${value}"\n`);
  const common = `wrk.method = "POST"
wrk.body = '${body}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["Authorization"] = "Bearer ${token}"
${further.join('')}function done(summary, latency)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, failed, summary.duration, latency:percentile(50), latency:percentile(99)))
end
`;
  const scripts = { closedLoop: join(directory, 'closed-loop.lua'), steady: join(directory, 'steady.lua') };
  writeFileSync(scripts.closedLoop, common);
  writeFileSync(scripts.steady, `${common}function delay() return math.random(${PAUSE_MILLIS.least}, ${PAUSE_MILLIS.most}) end\n`);
  return scripts;
}

/** Runs one load after a second of warm-up, and reads right before and right after what counts. Throws `LoadFailed` when any call failed. */
export async function runLoad<Reading>(
  url: string,
  script: string,
  seconds: number,
  read: () => Promise<Reading>,
): Promise<{ readonly window: Window; readonly before: Reading; readonly after: Reading }> {
  await wrk(url, script, WARM_UP_SECONDS);
  const before = await read();
  const window = await wrk(url, script, seconds);
  return { window, before, after: await read() };
}

async function wrk(url: string, script: string, seconds: number): Promise<Window> {
  const output = await runOnLoadCore('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}`, '-s', script, url]);
  const [calls = 0, failed = 0, micros = 0, p50Micros = 0, p99Micros = 0] = /RESULT (.*)/.exec(output)?.[1]?.split(' ').map(Number) ?? [];
  if (failed > 0 || calls === 0) throw new LoadFailed(`${failed} of ${calls} calls failed`);
  return { calls, callsPerSecond: (calls * 1_000_000) / micros, p50Millis: p50Micros / 1000, p99Millis: p99Micros / 1000 };
}
