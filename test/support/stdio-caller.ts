/** Callers of a STDIO transport for tests: servers that run the fixture, requests to them, and sinks that keep what they get. */
import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { ServerSighting } from '../../data-plane/reports/server-sighting.ts';
import type { GovernedServer } from '../../data-plane/config/governed-server.ts';
import type { RpcCall } from '../../data-plane/mcp/rpc-call.ts';
import { compileToolPins } from '../../data-plane/guardrails/tool-pins.ts';
import { NO_ISOLATION, type ProcessIsolation } from '../../data-plane/transports/process-isolation.ts';
import { startProcessReaper } from '../../data-plane/transports/process-reaper.ts';
import { createStdioTransport, type StdioTransport } from '../../data-plane/transports/stdio.ts';
import type { StdioLimits } from '../../data-plane/transports/stdio-limits.ts';
import type { AnswerHead, AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from '../../data-plane/transports/transport.ts';
import { systemClock } from '../../shared/clock.ts';
import type { McpServer } from '../../shared/mcp-server.ts';
import { FREE, NO_PRICE } from '../../shared/pricing.ts';
import type { Refusal } from '../../shared/refusal.ts';
import { effectiveLimits, type ServerLimits } from '../../shared/server-limits.ts';
import { StdioAllowlist } from '../../shared/stdio-allowlist.ts';
import { ROOT } from './processes.ts';

export const NODE = realpathSync(process.execPath);
export const FIXTURE = join(ROOT, 'test/support/stdio-fixture.mjs');
export const EVERYTHING = join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
const TEST_LIMITS: Partial<StdioLimits> = { endOfInputGraceMillis: 50, terminateGraceMillis: 50 };

export interface TransportParts {
  readonly limits?: Partial<StdioLimits>;
  readonly isolation?: ProcessIsolation;
  readonly environment?: Readonly<Record<string, string>>;
  readonly onLog?: (line: string) => void;
  readonly presentForm?: () => GovernedServer | undefined;
}

/** A transport that may run the fixture and the everything server, and is closed when the test ends. */
export function openTransport({
  limits = {},
  isolation = NO_ISOLATION,
  environment = {},
  onLog = () => undefined,
  presentForm = () => undefined,
}: TransportParts = {}): StdioTransport {
  const reaper = startProcessReaper();
  const env = ['FIXTURE_MODE', 'FIXTURE_SECRET'];
  const transport = createStdioTransport({
    allowlist: new StdioAllowlist({
      entries: [
        { command: NODE, args: [RegExp.escape(FIXTURE)], env },
        { command: NODE, args: [RegExp.escape(EVERYTHING), 'stdio'], env: [] },
        { command: '/nowhere/program', args: [], env: [] },
      ],
    }),
    isolation,
    reaper,
    clock: systemClock,
    log: pino({ level: 'debug' }, { write: onLog }),
    environment: { PATH: process.env['PATH'], ...environment },
    presentForm,
    limits: { ...TEST_LIMITS, ...limits },
  });
  onTestFinished(async () => {
    await transport.close();
    await reaper.close();
  });
  return transport;
}

export function stdioServer(
  stdioEnv: Readonly<Record<string, string>> = {},
  args: readonly string[] = [FIXTURE],
  command: string | null = NODE,
): GovernedServer {
  return {
    config: {
      id: 'srv_1',
      organisationId: 'org_1',
      slug: 'fixture',
      name: 'Fixture',
      transport: 'STDIO',
      endpointUrl: null,
      stdioCommand: command,
      stdioArgs: [...args],
      stdioEnv: {},
      stdioIsolation: 'SHARED',
      auth: { type: 'NONE' },
      enabled: true,
      isPublic: false,
      teamId: null,
      apiKeyId: null,
      allowedTools: [],
      blockedTools: [],
      toolRulesMode: 'ENFORCE',
      semanticFilter: null,
      pricing: FREE,
      denialStyle: 'AUTO',
      limits: {},
      toolPins: [],
      toolsDiscoveredAt: null,
      toolReview: 'NONE',
      toolChangeMode: 'ENFORCE',
      webSearchPolicy: null,
      searchTools: [],
    },
    toolRules: { restricts: false, verdictOn: () => 'allowed' },
    toolPins: compileToolPins({ toolPins: [], toolsDiscoveredAt: null, toolReview: 'NONE' }),
    filter: undefined,
    webSearch: undefined,
    limits: effectiveLimits({ transport: 'STDIO', stdioIsolation: 'SHARED', limits: {} }),
    priceOf: () => NO_PRICE,
    upstreamAuthHeaders: [],
    stdioEnv,
    sighting: new ServerSighting(),
  };
}

/** The same, with a process for each session. */
export function isolatedServer(stdioEnv: Readonly<Record<string, string>> = {}): GovernedServer {
  const shared = stdioServer(stdioEnv);
  return changed(shared, { stdioIsolation: 'PER_SESSION' });
}

/** The server as it would be compiled after a change of its configuration. */
export function changed(server: GovernedServer, changes: Partial<McpServer>): GovernedServer {
  const config = { ...server.config, ...changes };
  return { ...server, config, limits: effectiveLimits(config) };
}

/** The same server with limits of its own. */
export function limited(server: GovernedServer, limits: ServerLimits): GovernedServer {
  return changed(server, { limits });
}

export function upstreamRequest(server: GovernedServer, call: RpcCall | undefined, changes: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    requestId: 'req_1',
    server,
    httpMethod: 'POST',
    tailPath: '',
    call,
    upstreamSessionId: undefined,
    introduction: undefined,
    apiKeyId: 'key_1',
    forwardedHeaders: [],
    acceptsEventStream: false,
    acceptsJson: true,
    responseBytesMax: 64 * 1024 * 1024,
    ...changes,
  };
}

export type Received =
  | { readonly kind: 'answer' | 'stream'; readonly head: AnswerHead; readonly text: string }
  | { readonly kind: 'failure'; readonly refusal: Refusal; readonly text: string };

/** Keeps what arrives; `received` settles at the ending, and a second ending fails the test. */
export class KeepingSink implements AnswerSink {
  readonly received: Promise<Received>;
  readonly hasRoom: () => boolean;
  #end: (received: Received) => void = () => undefined;
  #head: AnswerHead | undefined;
  #chunks: Buffer[] = [];
  endings = 0;

  constructor(hasRoom: () => boolean = () => true) {
    this.hasRoom = hasRoom;
    this.received = new Promise((resolve) => (this.#end = resolve));
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  answer(head: AnswerHead, body: Buffer): void {
    this.#finish({ kind: 'answer', head, text: body.toString('utf8') });
  }

  open(head: AnswerHead): void {
    if (this.#head !== undefined) throw new Error('the stream is open already');
    this.#head = head;
  }

  write(chunk: Buffer): boolean {
    if (this.#head === undefined) throw new Error('the stream is not open');
    this.#chunks.push(Buffer.from(chunk));
    return this.hasRoom();
  }

  end(): void {
    if (this.#head === undefined) throw new Error('the stream is not open');
    this.#finish({ kind: 'stream', head: this.#head, text: this.text });
  }

  fail(refusal: Refusal): void {
    this.#finish({ kind: 'failure', refusal, text: this.text });
  }

  #finish(received: Received): void {
    if (++this.endings > 1) throw new Error('a second ending');
    this.#end(received);
  }
}

export function send(
  transport: Transport,
  request: UpstreamRequest,
  sink = new KeepingSink(),
): { flight: UpstreamFlight; sink: KeepingSink; received: Promise<Received> } {
  const flight = transport.send(request, sink);
  return { flight, sink, received: sink.received };
}

/** Sends one call and answers the result of its JSON answer; anything else fails the test. */
export async function resultOf(transport: Transport, server: GovernedServer, call: RpcCall): Promise<Record<string, unknown>> {
  const received = await send(transport, upstreamRequest(server, call)).received;
  if (received.kind !== 'answer') throw new Error(`no answer but ${JSON.stringify(received)}`);
  const { result }: { result: Record<string, unknown> } = JSON.parse(received.text);
  return result;
}

/** Whether a process is there and not merely waiting for its parent to take note of its end. */
export function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}
