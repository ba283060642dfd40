/** Sends calls at a steady rate whatever the answers take, and prints the 50th and 99th percentile of the waiting, in milliseconds. */
import { Pool } from 'undici';

const [origin = '', path = '', token = '', rate = '1000', seconds = '5', body = ''] = process.argv.slice(2);
const pool = new Pool(origin, { connections: 64, pipelining: 1, allowH2: false });
const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
const total = Number(rate) * Number(seconds);
const waits: number[] = [];
let sent = 0;

async function call(dueAt: number): Promise<void> {
  const response = await pool.request({ path, method: 'POST', headers, body });
  await response.body.arrayBuffer();
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  // From when it was due, not from when it was sent: a load that falls behind must not hide it.
  waits.push(performance.now() - dueAt);
}

const begin = performance.now();
await new Promise<void>((resolve, reject) => {
  const timer = setInterval(() => {
    for (; sent < total && begin + (sent * 1000) / Number(rate) <= performance.now(); sent++) call(begin + (sent * 1000) / Number(rate)).catch(reject);
    if (waits.length < total) return;
    clearInterval(timer);
    resolve();
  }, 1);
});
const sorted = waits.slice(Number(rate)).toSorted((left, right) => left - right);
const percentile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
process.stdout.write(`${percentile(0.5)} ${percentile(0.99)}\n`);
await pool.destroy();
