/** Admits calls from room that is held for several of them at once, where their limits allow it, so that few of them ask Redis. */
import type { Clock } from '../../shared/clock.ts';
import { Allotment } from './allotment.ts';
import {
  CountersUnavailable,
  isDoubt,
  type Admission,
  type AdmissionAnswer,
  type AdmissionPeek,
  type AheadTerms,
  type Counters,
  type Extension,
  type OpenRequest,
  type Settlement,
} from './counters.ts';
import { callsLeft, callsWithin, wantedOf, type Wanted } from './allotment-size.ts';
import { OpenAllotments, type ForgetfulCounters, type Lane } from './open-allotments.ts';

/** A call that was admitted from an allotment, until the store is told of all of them. */
interface Member {
  readonly allotment: Allotment;
  heldAmounts: readonly number[];
  isOver: boolean;
}

/** Calls further apart than this would hold room for others that do not come. */
const BUSY_MILLIS = 50;
const CALLS_MIN = 2;
const ADMITTED: AdmissionAnswer = { kind: 'admitted', observedHolds: [] };

export class AllottedCounters implements Counters {
  readonly #store: ForgetfulCounters;
  readonly #clock: Clock;
  readonly #allotments: OpenAllotments;
  /** By request id. */
  readonly #members = new Map<string, Member>();
  /** First calls of allotments, while they ask. */
  readonly #asking = new Map<string, Promise<AdmissionAnswer>>();
  /** Calls that asked for themselves and might have shared room. */
  readonly #alone = new Set<string>();
  /** Over which the store fell silent, by request id: nobody knows whether it took them. */
  readonly #doubtful = new Map<string, Wanted>();
  /** The last extension of an allotment that is asked for. */
  readonly #extending = new WeakMap<Allotment, Promise<AdmissionAnswer>>();

  constructor(store: ForgetfulCounters, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#allotments = new OpenAllotments({
      store,
      clock,
      onClosed: ({ requestIds }) => {
        for (const requestId of requestIds) this.#members.delete(requestId);
      },
    });
  }

  get isAvailable(): boolean {
    return this.#store.isAvailable;
  }

  get backlog(): number {
    return this.#store.backlog + this.#allotments.untold;
  }

  admit(admission: Admission): Promise<AdmissionAnswer> {
    // Most limits allow no allotments: their calls ask the store, and nobody here has room that could be given back.
    const isNobodyAhead = this.#allotments.isEmpty && this.#asking.size === 0;
    return admission.ahead === undefined && isNobodyAhead ? this.#store.admit(admission) : this.#admitAmong(admission);
  }

  async peek(admission: Admission): Promise<AdmissionPeek> {
    const peek = await this.#store.peek(admission);
    return this.#allotments.wouldHaveRoom(admission, peek) ? { ...peek, answer: ADMITTED } : peek;
  }

  async #admitAmong(admission: Admission): Promise<AdmissionAnswer> {
    const { ahead, rates, leases, loops, holds } = admission;
    // What rates and leases were charged for calls that do not come could not be given back, and loops are told by each call.
    if (ahead === undefined || rates.length > 0 || leases.length > 0 || loops !== undefined || this.#alone.has(admission.requestId))
      return this.#admitAlone(admission);
    const lane = this.#allotments.laneOf(holds);
    const mayAsk = this.#mayAskAhead(lane);
    const taken = this.#takeFrom(lane, admission) ?? this.#asking.get(admission.requestId);
    if (taken !== undefined) return taken;
    if (this.#doubtful.has(admission.requestId)) return this.#lead(lane, admission, ahead);
    if (!mayAsk) return this.#admitAlone(admission);
    if (lane.asking === undefined) return this.#lead(lane, admission, ahead);
    // The answer is on its way already.
    await lane.asking;
    return this.#takeFrom(lane, admission) ?? this.#admitAlone(admission);
  }

  async extend(admission: Admission, extension: Extension): Promise<AdmissionAnswer> {
    const member = this.#members.get(admission.requestId);
    if (member === undefined) return this.#withRoom(admission, () => this.#store.extend(admission, extension));
    if (member.isOver) throw new CountersUnavailable('the request is not open any more');
    const { allotment } = member;
    const more = extension.heldAmounts.map((amount, index) => Math.max(0, amount - (member.heldAmounts[index] ?? 0)));
    const answer = allotment.takeMore(more) ? ADMITTED : await this.#withRoom(admission, () => this.#takeBeyond(allotment, more));
    if (answer.kind === 'admitted') member.heldAmounts = extension.heldAmounts;
    return answer;
  }

  settle(settlement: Settlement): void {
    const { requestId, ahead } = settlement.admission;
    if (ahead === undefined) return this.#store.settle(settlement);
    const member = this.#members.get(requestId);
    const doubt = this.#doubtful.get(requestId);
    this.#doubtful.delete(requestId);
    this.#alone.delete(requestId);
    if (member === undefined) return this.#store.settle({ ...settlement, admission: doubt?.admission ?? settlement.admission });
    if (member.isOver) return;
    member.isOver = true;
    const { allotment, heldAmounts } = member;
    allotment.end(heldAmounts, settlement.amounts, settlement.event);
    if (!this.#allotments.isUsable(allotment)) this.#allotments.close(allotment);
  }

  record(organisationId: string | null, event: string): void {
    this.#store.record(organisationId, event);
  }

  renew(admission: Admission): void {
    this.#store.renew(this.#members.get(admission.requestId)?.allotment.admission ?? admission);
  }

  /** What the store knows this node's requests by, of which these are under way. */
  *openRequests(underWay: Iterable<OpenRequest>): Generator<OpenRequest> {
    yield* this.#allotments.asOpenRequests();
    for (const request of underWay) if (!this.#members.has(request.admission.requestId)) yield request;
  }

  flushed(): Promise<void> {
    this.#allotments.closeAll();
    return this.#store.flushed();
  }

  close(graceMillis: number): Promise<number> {
    this.#allotments.stop();
    return this.#store.close(graceMillis);
  }

  /** The first call of an allotment asks for all of them, under its own request id. */
  #lead(lane: Lane, admission: Admission, terms: AheadTerms): Promise<AdmissionAnswer> {
    const { requestId } = admission;
    const ahead = this.#admitAhead(lane, admission, terms).finally(() => (lane.asking = undefined));
    lane.asking = ahead.catch(() => undefined);
    const asking = ahead.then((answer) => answer ?? this.#admitAlone(admission)).finally(() => this.#asking.delete(requestId));
    this.#asking.set(requestId, asking);
    return asking;
  }

  #takeFrom({ allotment }: Lane, admission: Admission): AdmissionAnswer | undefined {
    const member = this.#members.get(admission.requestId);
    if (member !== undefined) return member.allotment.answer;
    const isTaken = allotment !== undefined && this.#allotments.isUsable(allotment) && allotment.take(admission);
    return isTaken ? this.#join(allotment, admission) : undefined;
  }

  #mayAskAhead(lane: Lane): boolean {
    const now = this.#clock.elapsed();
    const isBusy = now - lane.lastCallAt < BUSY_MILLIS;
    lane.lastCallAt = now;
    return isBusy && now >= lane.exactUntil;
  }

  /** Asked again, it must not ask for several: the store would answer as it did for one. */
  async #admitAlone(admission: Admission): Promise<AdmissionAnswer> {
    if (admission.ahead === undefined) return this.#withRoom(admission, () => this.#store.admit(admission));
    this.#alone.add(admission.requestId);
    const answer = await this.#withRoom(admission, () => this.#store.admit(admission)).catch((error: unknown) => {
      if (!isDoubt(error)) this.#alone.delete(admission.requestId);
      throw error;
    });
    if (answer.kind === 'refused') this.#alone.delete(admission.requestId);
    return answer;
  }

  /** Asks for as many calls as the limits allow at once, or for fewer where there is room for fewer. Undefined where the call has to ask for itself. */
  async #admitAhead(lane: Lane, admission: Admission, terms: AheadTerms): Promise<AdmissionAnswer | undefined> {
    let calls = callsWithin(admission, terms.calls);
    while (calls >= CALLS_MIN) {
      const wanted = this.#doubtful.get(admission.requestId) ?? wantedOf(admission, terms, calls);
      const memory = this.#store.memoryOf(admission.organisationId);
      const answer = await this.#ask(wanted);
      if (answer.kind === 'admitted') {
        const allotment = new Allotment({ ...wanted, terms, answer, memory, atMillis: this.#clock.elapsed() });
        this.#allotments.begin(lane, allotment);
        allotment.take(admission);
        return this.#join(allotment, admission);
      }
      calls = Math.min(Math.floor(wanted.calls / 2), callsLeft(admission, answer));
    }
    this.#allotments.rest(lane);
    return undefined;
  }

  async #ask(wanted: Wanted): Promise<AdmissionAnswer> {
    const { requestId } = wanted.admission;
    this.#doubtful.set(requestId, wanted);
    try {
      const answer = await this.#store.admit(wanted.admission);
      this.#doubtful.delete(requestId);
      return answer;
    } catch (error) {
      if (!isDoubt(error)) this.#doubtful.delete(requestId);
      throw error;
    }
  }

  #join(allotment: Allotment, { requestId, heldAmounts }: Admission): AdmissionAnswer {
    this.#members.set(requestId, { allotment, heldAmounts, isOver: false });
    return allotment.answer;
  }

  /** What other allotments of this node have left makes room for whoever asks. */
  async #withRoom({ holds }: Admission, ask: () => Promise<AdmissionAnswer>): Promise<AdmissionAnswer> {
    const answer = await ask();
    const isFull = answer.kind === 'refused' && answer.check === 'hold';
    return isFull && this.#allotments.makeRoomIn(holds[answer.index]?.key) ? ask() : answer;
  }

  /** Extensions say how much is held in all, so one is asked for after the other. */
  #takeBeyond(allotment: Allotment, more: readonly number[]): Promise<AdmissionAnswer> {
    const before = this.#extending.get(allotment) ?? Promise.resolve(ADMITTED);
    const extending = before.then(
      () => this.#extend(allotment, more),
      () => this.#extend(allotment, more),
    );
    this.#extending.set(allotment, extending);
    return extending;
  }

  async #extend(allotment: Allotment, more: readonly number[]): Promise<AdmissionAnswer> {
    const extension = allotment.extensionBy(allotment.overdraw(more));
    let answer: AdmissionAnswer | undefined;
    try {
      answer = await this.#store.extend(allotment.admission, extension);
    } finally {
      if (answer?.kind === 'admitted') allotment.extendTo(extension);
      else allotment.giveBack(more);
    }
    // What the allotment has left is there for a smaller extension.
    return answer.kind === 'refused' ? { ...answer, reserved: answer.reserved - allotment.freeIn(answer.index) } : answer;
  }
}
