/** A data plane as production runs it. */
import { runDataPlane } from '../../../data-plane/main.ts';

const running = await runDataPlane(process.env);
process.once('SIGTERM', () => {
  running.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
