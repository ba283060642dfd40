/** Both planes, an authorisation server, and an MCP server that takes its tokens: what a test of sign-ins to servers begins with. */
import { startAuthorisationServer, type AuthorisationServer } from './authorisation-server.ts';
import { GatewayClient } from './gateway-client.ts';
import { startGuardedUpstream, type GuardedUpstream } from './guarded-upstream.ts';
import { startTestPlanes, type TestPlanes } from './planes.ts';

export interface GuardedPlanes {
  readonly planes: TestPlanes;
  readonly authority: AuthorisationServer;
  readonly upstream: GuardedUpstream;
  readonly gateway: GatewayClient;
  /** For the next test: the authorisation server is there, and neither it nor the MCP server was asked anything. */
  reset(): void;
  close(): Promise<void>;
}

export async function startGuardedPlanes(): Promise<GuardedPlanes> {
  const [planes, authority] = await Promise.all([startTestPlanes(), startAuthorisationServer()]);
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
