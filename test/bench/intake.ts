/** Measures how fast usage goes from its queue into PostgreSQL with all of its sums, what that takes, and whether memory stays flat. */
import 'reflect-metadata';
import { setTimeout as pause } from 'node:timers/promises';
import { openOrm } from '../../control-plane/database/orm.ts';
import { acrossOrganisations, asOwner, TENANT_ROLE } from '../../control-plane/database/roles.ts';
import { UsageIntake } from '../../control-plane/usage-intake/usage-intake.ts';
import { keepPartitions } from '../../control-plane/usage-intake/usage-partitions.ts';
import { writeUsageEvent, type UsageBacklog, type UsageDelivery, type UsageEvent, type UsageSource } from '../../shared/usage-event.ts';
import { newId } from '../../shared/ids.ts';
import { eventually } from '../support/processes.ts';
import { recordingLog } from '../support/recording-log.ts';
import { startUsageDatabase, usageEvent, type UsageDatabase } from '../support/usage.ts';
import { postgresCpuMicros } from './postgres-cpu.ts';

const RECORDS = Number(process.argv[2] ?? 200_000);
const WARM_UP = 20_000;
const KEYS = 200;
const SERVERS_OF_A_KEY = 3;
const TOOLS_OF_A_SERVER = 5;
const POLL_MILLIS = 20;

/** Makes events as they are asked for, so that what is in memory is the intake's. */
class MadeSource implements UsageSource {
  #left: number;
  #delivered = 0;

  constructor(count: number) {
    this.#left = count;
  }

  get left(): number {
    return this.#left;
  }

  async read(max: number): Promise<readonly UsageDelivery[]> {
    if (this.#left === 0) await pause(POLL_MILLIS);
    return Array.from({ length: Math.min(max, this.#left) }, () => ({ deliveryId: String(this.#delivered++), json: TEMPLATES.next() }));
  }

  acknowledge(deliveries: readonly UsageDelivery[]): Promise<void> {
    this.#left -= deliveries.length;
    return Promise.resolve();
  }

  backlog(): Promise<UsageBacklog> {
    return Promise.resolve({ entries: this.#left, oldestMillis: undefined });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Written beforehand but for their ids: writing events is the data plane's part. */
const TEMPLATES = {
  texts: Array.from({ length: KEYS * SERVERS_OF_A_KEY * TOOLS_OF_A_SERVER }, (_, index) => writeUsageEvent(eventOf(index))),
  next(): string {
    const text = this.texts[Math.floor(Math.random() ** 3 * this.texts.length)] ?? '';
    return text.replace('req_', newId('request'));
  },
};

function eventOf(index: number): UsageEvent {
  const [key, server, tool] = [index % KEYS, index % (KEYS * SERVERS_OF_A_KEY), index % TOOLS_OF_A_SERVER];
  const isDenied = index % 20 === 0;
  return usageEvent({
    requestId: 'req_',
    teamId: `tea_${key % 10}`,
    apiKeyId: `key_${key}`,
    apiKeyPrefix: `vk_${key}`,
    serverId: `srv_${server % 50}`,
    serverSlug: `server-${server % 50}`,
    tool: `tool_${tool}`,
    decision: isDenied ? 'DENIED' : 'ALLOWED',
    ...(isDenied ? { status: 403, code: 'mcp_guardrail_block', reason: 'blocked_tool', message: `tool 'tool_${tool}' is blocked` } : {}),
    latencyMicros: 500 + ((index * 7919) % 200_000),
    inputBytes: 250 + (index % 1000),
    outputBytes: 300 + (index % 9000),
    costNanosUsd: String(2000 + (index % 1_000_000)),
    pricing: { callFemtosUsd: '2000000000', inputByteFemtosUsd: '500', outputByteFemtosUsd: '1000', isOverride: false },
    sessionId: `session-${key}`,
    protocolVersion: '2025-11-25',
    clientName: ['claude-code', 'cursor', 'codex'][key % 3] ?? null,
    clientVersion: '2.1.0',
    clientIp: `192.0.2.${key % 250}`,
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  });
}

const usage = await startUsageDatabase();
const orm = await openOrm(usage.database.url, recordingLog().log, TENANT_ROLE);
try {
  await keepPartitions(asOwner(orm.em), Date.now(), undefined);
  await take(WARM_UP);
  await measure(usage);
} finally {
  await orm.close(true);
  await usage.close();
}

async function measure(database: UsageDatabase): Promise<void> {
  const rssBefore = rssMegabytes();
  const [cpu, postgres, at] = [process.cpuUsage(), await postgresCpuMicros(database.database), performance.now()];
  await take(RECORDS);
  const seconds = (performance.now() - at) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const [own, theirs] = [(user + system) / RECORDS, ((await postgresCpuMicros(database.database)) - postgres) / RECORDS];
  process.stdout.write(
    `${Math.round(RECORDS / seconds)} records/s (${RECORDS} in ${seconds.toFixed(1)} s)\n` +
      `CPU a record: control plane ${own.toFixed(1)} µs (${Math.round(1e6 / own)} a second on a core), PostgreSQL ${theirs.toFixed(1)} µs (${Math.round(1e6 / theirs)} on a core)\n` +
      `RSS of the control plane: ${rssBefore} MB before, ${rssMegabytes()} MB after\n`,
  );
}

/** As the control plane does it, in the role that it does it in. */
async function take(count: number): Promise<void> {
  const source = new MadeSource(count);
  const intake = new UsageIntake(source, acrossOrganisations(orm.em), recordingLog().log);
  await eventually(() => (source.left === 0 ? true : undefined), `${count} records`, 600_000);
  await intake.close();
}

function rssMegabytes(): number {
  return Math.round(process.memoryUsage.rss() / 1_048_576);
}
