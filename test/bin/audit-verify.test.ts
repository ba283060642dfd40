/** `turnpike audit verify` says of every chain whether it holds, names the place where one does not, and exits by it. */
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { verifyAuditTrail } from '../../bin/audit-verify.ts';
import { holdDataDirectory } from '../../bin/data-directory.ts';
import { AUDIT_HEADS_FILE, HeadSigner } from '../../control-plane/audit/audit-heads.ts';
import { startEmbeddedPostgres } from '../../control-plane/database/embedded-postgres.ts';
import { migrate, openOrm } from '../../control-plane/database/orm.ts';
import { probeDatabase } from '../../control-plane/database/postgres-probe.ts';
import { SecretKey } from '../../shared/secret-key.ts';
import { keepAuditEvents, tamper } from '../support/audit-tampering.ts';
import { recordingLog, startTestControlPlane, type TestControlPlane } from '../support/control-plane.ts';
import { ROOT, startProgram } from '../support/processes.ts';

let plane: TestControlPlane;
let headsFile: string;
let directory: string;
let putBack: () => Promise<void>;

beforeAll(async () => {
  // Builds what has not been built yet, so that no test has to wait for it.
  await turnpike(['--help'], {});
  plane = await startTestControlPlane();
  directory = await mkdtemp(join(tmpdir(), 'turnpike-verify-'));
  headsFile = join(directory, AUDIT_HEADS_FILE);
  for (const name of ['one', 'two', 'three']) await plane.admin.createApiKey({ name });
  putBack = await keepAuditEvents(plane.database);
});
afterEach(() => putBack());
afterAll(async () => {
  await plane?.close();
  await rm(directory, { recursive: true, force: true });
});

const environmentOf = () => ({
  DATABASE_URL: plane.settings.databaseUrl,
  TURNPIKE_SECRET_KEY: plane.settings.secretKey,
  TURNPIKE_DATA_DIR: directory,
});

const noUsage = () => `${plane.organisationId}, usage: 0 records hold in 0 seals, 0 are not sealed yet, and 0 signed heads agree\n`;

async function turnpike(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<{ code: number | string; output: string }> {
  const program = startProgram(process.execPath, [join(ROOT, 'bin/turnpike.mjs'), 'audit', 'verify', ...args], environment);
  const code = await program.stop('SIGCONT');
  return { code, output: program.output() };
}

async function verified(environment: Readonly<Record<string, string>>, headFiles: readonly string[] = []): Promise<{ holds: boolean; output: string }> {
  let output = '';
  const holds = await verifyAuditTrail(environment, { headFiles, write: (text) => (output += text) });
  return { holds, output };
}

test('exit 0 and the number of events while the chain holds, exit 1 and the place when it does not', async () => {
  const without = `There are no signed heads in ${headsFile}: whether events were cut off at the end cannot be seen.\n`;
  expect(await turnpike([], environmentOf())).toEqual({
    code: 0,
    output: `${plane.organisationId}: 3 events hold, and 0 signed heads agree\n${noUsage()}${without}`,
  });
  await tamper(plane.database, `update audit_events set action = 'x' where position = 2`);
  const { code, output } = await turnpike([], environmentOf());
  expect(code).toBe(1);
  expect(output).toMatch(new RegExp(`^${plane.organisationId}: position 2 \\(aud_\\w+\\) is not as it was written\n`));
});

test('heads are compared with, those of the data directory and of files that are named; a line that was not signed is a fault', async () => {
  const [elsewhere, environment] = [join(directory, 'elsewhere.jsonl'), environmentOf()];
  const head = { organisationId: plane.organisationId, position: '4', hash: 'x', at: new Date().toISOString() };
  const signed = `${JSON.stringify(new HeadSigner(new SecretKey(plane.settings.secretKey)).sign(head))}\n`;
  const cut = `${plane.organisationId}: the chain was cut off behind position 3: at ${head.at} it ended at position 4\n${noUsage()}`;
  await writeFile(elsewhere, signed);
  expect(await verified(environment, [elsewhere])).toEqual({ holds: false, output: cut });
  await writeFile(headsFile, signed);
  expect(await verified(environment)).toEqual({ holds: false, output: cut });
  await writeFile(headsFile, `\n${signed.replace('"4"', '"3"')}`);
  const { holds, output } = await verified(environment);
  expect([holds, output.split('\n')[2]]).toEqual([false, `${headsFile}, line 2: this head was not signed with this secret key`]);
  await expect(verified(environment, [join(directory, 'none')])).rejects.toThrow(/none cannot be read by .* \(ENOENT\)/);
});

test('without a secret key there is nothing to check heads with, and nothing is made', async () => {
  const empty = await mkdtemp(join(directory, 'empty-'));
  const { code, output } = await turnpike([], { TURNPIKE_DATA_DIR: empty });
  expect(code).toBe(1);
  expect(output).toBe(`Turnpike cannot go on: TURNPIKE_SECRET_KEY is needed, or the data directory of a standalone Turnpike: ${empty} holds no secret.key\n`);
  expect(await readdir(empty)).toEqual([]);
});

test('the database of a standalone Turnpike is used while that runs, and otherwise started for as long as it takes', async () => {
  const standalone = await mkdtemp(join(directory, 'standalone-'));
  await chmod(directory, 0o755);
  await chmod(standalone, 0o755);
  await writeFile(join(standalone, 'secret.key'), plane.settings.secretKey);
  const options = { dataDirectory: standalone, log: recordingLog().log };
  const database = await startEmbeddedPostgres(options);
  const orm = await openOrm(database.databaseUrl, options.log);
  await migrate(orm, options.log);
  await orm.em.fork().execute(`insert into organisations (id, slug, name) values ('org_1', 'one', 'One')`);
  const hold = await holdDataDirectory(standalone);
  expect((await verified({ TURNPIKE_DATA_DIR: standalone })).output).toContain('org_1: 0 events hold');
  expect(await orm.em.fork().execute('select 1 as one')).toEqual([{ one: 1 }]);
  await orm.close(true);
  await hold.release();
  await database.stop();
  expect((await verified({ TURNPIKE_DATA_DIR: standalone })).output).toContain('org_1: 0 events hold');
  await expect(probeDatabase(database.databaseUrl)).rejects.toThrow('ENOENT');
});
