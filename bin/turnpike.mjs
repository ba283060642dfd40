#!/usr/bin/env node
/** The `turnpike` command: makes sure of a Node that is new enough and of a build that is not older than the sources, then runs it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { NODE_VERSION_MIN, isNewEnough } from './node-version.mjs';

const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

if (isNewEnough(process.versions.node)) await run();
else runAgainWithPinnedNode();

async function run() {
  endWithParent();
  const build = new URL('./build.mjs', import.meta.url);
  const isCheckout = existsSync(build) && existsSync(new URL('../tsconfig.build.json', import.meta.url));
  if (isCheckout) {
    const { ensureBuilt } = await import(build.href);
    if (!(await ensureBuilt())) process.exit(1);
  }
  // A third less to wait for at the second start. Not in the shared temporary directory: what lies there would be run.
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/turnpike', import.meta.url)));
  const { main } = await import('../dist/bin/cli.js');
  await main(process.argv);
}

/** Whoever started this process with a channel, as the older Node below does, may be killed without a word: then this one ends too. */
function endWithParent() {
  if (process.channel === undefined) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}

function runAgainWithPinnedNode() {
  const node = pinnedNode();
  if (node === undefined) fail(`Turnpike needs Node ${NODE_VERSION_MIN} or later, and this is ${process.versions.node}.`);
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => fail(`Turnpike needs Node ${NODE_VERSION_MIN} or later; ${node} could not be started: ${error.message}.`));
  child.once('exit', (code, signal) => (signal === null ? process.exit(code ?? 1) : endBy(signal)));
}

/** The program of the optional dependency that fits this machine, if it was installed. */
function pinnedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/package.json`);
    const node = fileURLToPath(new URL('./bin/node', `file://${manifest}`));
    return existsSync(node) ? node : undefined;
  } catch {
    // There is no such package for this platform; the caller says what is needed.
    return undefined;
  }
}

/** Ends as the child did, so that whoever waits sees the signal. */
function endBy(signal) {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 1000);
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
