/** The commands of `turnpike`. */
import { Command } from 'commander';
import { VERSION } from '../data-plane/gateway.ts';
import { mintToken } from '../shared/token.ts';
import { explainFailure, type PortVariables } from './explain-failure.ts';
import { KNOWN_VARIABLES, unknownVariables, withoutEmpty } from './known-environment.ts';
import { live, type Lifetime } from './lifetime.ts';

interface RunningPlane {
  close(): Promise<void>;
}

/** Runs the command that the arguments name; resolves when it is done, and never for one that runs until a signal. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('turnpike')
    .description('The governed MCP gateway.')
    .version(VERSION)
    .addHelpText('after', `\nEnvironment:\n${environmentHelp()}`)
    .showHelpAfterError('(see turnpike --help)');
  program.command('start').description('both planes, their stores and a demo in one process').action(start);
  program.command('control-plane').description('the GraphQL API; needs DATABASE_URL and REDIS_URL').action(controlPlane);
  program.command('data-plane').description('the gateway; needs CONTROL_PLANE_URL, DATA_PLANE_TOKEN and REDIS_URL').action(dataPlane);
  program
    .command('token')
    .description('make a token')
    .command('data-plane')
    .description('print a new token for DATA_PLANE_TOKEN')
    .action(() => void process.stdout.write(`${mintToken('dataPlaneToken').token}\n`));
  program
    .command('audit')
    .description('the trail of changes')
    .command('verify')
    .description('read every event and say whether each organisation’s chain holds; exits 1 when one does not')
    .option('--heads <file>', 'signed heads to compare with, besides those of the data directory; may be given more than once', collect, [])
    .action(verifyAudit);
  program
    .command('secrets')
    .description('what is sealed with the secret key')
    .command('rotate')
    .description('seal everything with TURNPIKE_SECRET_KEY, which TURNPIKE_OLD_SECRET_KEYS open so far; exits 1 while the old keys are still needed')
    .action(rotateSecrets);
  await program.parseAsync(argv);
}

async function start(): Promise<void> {
  // Whoever reads the output may stop reading, as `head` does; the program goes on.
  process.stdout.on('error', () => undefined);
  const ports: PortVariables[number][] = [];
  await live(
    async (lifetime) => {
      refuseUnknownVariables();
      const { startStandalone } = await import('./standalone.ts');
      await startStandalone(withoutEmpty(process.env), lifetime, { write, ports });
    },
    (error) => explain(error, ports),
  );
}

async function controlPlane(): Promise<void> {
  await livePlane('CONTROL_PLANE_PORT', async ({ signal }) => (await import('../control-plane/main.ts')).runControlPlane(withoutEmpty(process.env), signal));
}

async function dataPlane(): Promise<void> {
  await livePlane('DATA_PLANE_PORT', async () => (await import('../data-plane/main.ts')).runDataPlane(withoutEmpty(process.env)));
}

/** 0 when every chain holds. */
function verifyAudit({ heads }: { heads: readonly string[] }): Promise<void> {
  return endBy(async () => (await import('./audit-verify.ts')).verifyAuditTrail(withoutEmpty(process.env), { headFiles: heads, write }));
}

/** 0 when the old keys can be taken away. */
function rotateSecrets(): Promise<void> {
  return endBy(async () => (await import('./secrets-rotate.ts')).rotateStoredSecrets(withoutEmpty(process.env), write));
}

/** A command that ends by itself: with 0 when all is well, and else with 1. */
async function endBy(work: () => Promise<boolean>): Promise<void> {
  try {
    refuseUnknownVariables();
    process.exitCode = (await work()) ? 0 : 1;
  } catch (error) {
    explain(error, []);
    process.exitCode = 1;
  }
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

async function livePlane(portVariable: string, run: (lifetime: Lifetime) => Promise<RunningPlane>): Promise<void> {
  const known = KNOWN_VARIABLES.find(({ name }) => name === portVariable);
  const port = Number(withoutEmpty(process.env)[portVariable] ?? known?.fallback);
  await live(
    async (lifetime: Lifetime) => {
      refuseUnknownVariables();
      const plane = await run(lifetime);
      lifetime.add({ end: () => plane.close() });
    },
    (error) => explain(error, [{ variable: portVariable, port }]),
  );
}

function refuseUnknownVariables(): void {
  const sentences = unknownVariables(process.env);
  if (sentences.length > 0) throw new Error(sentences.join(' '));
}

function write(text: string): void {
  process.stdout.write(text);
}

function explain(error: unknown, ports: PortVariables): void {
  process.stderr.write(`${explainFailure(error, ports)}\n`);
}

function environmentHelp(): string {
  return KNOWN_VARIABLES.map(({ name, fallback, meaning }) => `  ${name.padEnd(36)}${meaning} (${fallback})`).join('\n');
}
