/** Changes audit events as only somebody could who owns the database: past the trigger, and put back afterwards. */
import type { TestDatabase } from './postgres.ts';

/** Runs the statements with every trigger off. */
export async function tamper(database: TestDatabase, statements: string): Promise<void> {
  await database.query(`set session_replication_role = replica; ${statements}`);
}

/** Keeps the events as they are; what it answers puts them back. */
export async function keepAuditEvents(database: TestDatabase): Promise<() => Promise<void>> {
  await database.query('drop table if exists kept_audit_events; create table kept_audit_events as select * from audit_events');
  return () => tamper(database, 'truncate audit_events; insert into audit_events select * from kept_audit_events');
}
