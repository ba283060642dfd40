/** The fixture as a program that speaks STDIO: a message in each line, until its input ends. With the argument `modern` it knows no revision with sessions. */
import { createInterface } from 'node:readline';
import { LegacyConnection } from './legacy-connection.ts';
import { ModernConnection } from './modern-connection.ts';

const say = (json: string): void => void process.stdout.write(`${json}\n`);
const connection = process.argv.includes('modern') ? new ModernConnection(say) : new LegacyConnection(say);
const input = createInterface({ input: process.stdin, crlfDelay: Infinity });
// Each message is worked on by itself: an answer to a question must be heard while the asking call waits for it.
input.on('line', (line) => void connection.hear(line));
input.on('close', () => connection.close());
