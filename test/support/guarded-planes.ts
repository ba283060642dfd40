/** Both planes, an authorisation server, and an MCP server that takes its tokens: what a test of sign-ins to servers begins with. */
import { startAuthorisationServer, type AuthorisationServer } from './authorisation-server.ts';
import { GatewayClient } from './gateway-client.ts';
import { startGuardedUpstream, type GuardedUpstream } from './guarded-upstream.ts';
import { startTestPlanes, type TestPlanes } from './planes.ts';

interface GuardedPlanesOptions {
  readonly reads?: boolean;
  readonly ofControl?: Readonly<Record<string, string>>;
}

export interface GuardedPlanes {
  readonly planes: TestPlanes;
  readonly authority: AuthorisationServer;
  readonly upstream: GuardedUpstream;
  readonly gateway: GatewayClient;
  /** For the next test: the authorisation server is there, and neither it nor the MCP server was asked anything. */
  reset(): void;
  close(): Promise<void>;
}

/** `reads`: the authorisation server takes clients that describe themselves by a document. `ofControl` holds further variables of the control plane. */
export async function startGuardedPlanes({ reads = false, ofControl = {} }: GuardedPlanesOptions = {}): Promise<GuardedPlanes> {
  const [planes, authority] = await Promise.all([startTestPlanes({}, ofControl), startAuthorisationServer({ reads })]);
  const upstream = await startGuardedUpstream(authority);
  return {
    planes,
    authority,
    upstream,
    gateway: new GatewayClient(planes.dataUrl),
    reset: () => {
      authority.isDown = false;
      authority.asked.length = 0;
      upstream.authorisations.length = 0;
    },
    close: async () => {
      await planes.close();
      await upstream.close();
      await authority.close();
    },
  };
}
