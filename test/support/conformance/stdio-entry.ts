/** The fixture as a program that speaks STDIO: a message in each line, until its input ends. */
import { createInterface } from 'node:readline';
import { LegacyConnection } from './legacy-connection.ts';

const connection = new LegacyConnection((json) => void process.stdout.write(`${json}\n`));
const input = createInterface({ input: process.stdin, crlfDelay: Infinity });
// Each message is worked on by itself: an answer to a question must be heard while the asking call waits for it.
input.on('line', (line) => void connection.hear(line));
input.on('close', () => connection.close());
