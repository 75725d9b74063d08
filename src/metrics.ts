/** What a process counts of its work, for Prometheus. Names of destinations and states only: nothing of a row. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';

/** Seconds. An API answers in tens of milliseconds; the last is the usual time limit. */
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const RUN_SECONDS = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400];

/** What delivery tells of one destination. */
export interface DeliveryMeter {
  /** A request came to its end. `httpStatus` undefined: no answer. */
  request(httpStatus: number | undefined, tookMs: number): void;
  /** The API asked everybody to wait. */
  wait(ms: number): void;
}

/** How a destination stands with everybody who sends to it, all processes together. */
export interface DestinationGauges {
  destination: string;
  paused: boolean;
  circuit: 'closed' | 'open';
  /** Requests per second that living runs agreed on; null: no limit; undefined: none is alive. */
  perSecond?: number | null;
  /** Requests in the newest window of the rate ÷ those that are allowed. */
  budgetUsed?: number;
  /** BullMQ jobs of the `deliver-<account>` queue. */
  batches: { waiting: number; active: number; delayed: number };
  /** Of the batch that waits longest, undefined when none does. */
  oldestWaitingSeconds?: number;
}

export interface Gauges {
  destinations: readonly DestinationGauges[];
  /** BullMQ jobs of the `runs-<data dir>` queue. */
  runs: { waiting: number; active: number; delayed: number };
}

export class Metrics {
  private readonly registry = new Registry();
  private readonly registers = [this.registry];
  private readonly rows = new Counter({
    name: 'rowferry_rows_total',
    help: 'Rows that got their outcome, as this process journaled it.',
    labelNames: ['destination', 'status', 'reason'],
    registers: this.registers,
  });
  private readonly requests = new Counter({
    name: 'rowferry_requests_total',
    help: 'Requests that this process sent, by class of the answer: 2xx, 3xx, 4xx, 429, 5xx, or none.',
    labelNames: ['destination', 'status'],
    registers: this.registers,
  });
  private readonly requestSeconds = new RequestSeconds();
  private readonly throttled = new Counter({
    name: 'rowferry_throttle_wait_seconds_total',
    help: 'Seconds for which answers to this process asked everybody to wait.',
    labelNames: ['destination'],
    registers: this.registers,
  });
  private readonly runs = new Counter({
    name: 'rowferry_runs_total',
    help: 'Runs that this process brought to an end or halt.',
    labelNames: ['destination', 'state'],
    registers: this.registers,
  });
  private readonly runSeconds = new Histogram({
    name: 'rowferry_run_duration_seconds',
    help: 'From the start of a run to its report.',
    labelNames: ['destination'],
    buckets: RUN_SECONDS,
    registers: this.registers,
  });
  private readonly paused = this.gauge('rowferry_destination_paused', '1 while it is paused by hand.');
  private readonly circuit = this.gauge('rowferry_circuit_open', '1 while its API counts as down.');
  private readonly rate = this.gauge(
    'rowferry_rate_limit_requests_per_second',
    'What living runs agreed on; +Inf without a limit; missing when no run is alive.',
  );
  private readonly budget = this.gauge(
    'rowferry_rate_budget_used_ratio',
    'Requests of all processes in the newest window of the rate ÷ those that are allowed.',
  );
  private readonly oldest = this.gauge(
    'rowferry_oldest_waiting_row_age_seconds',
    'Age of the batch that waits longest to be taken; 0 when none waits.',
  );
  private readonly batches = new Gauge({
    name: 'rowferry_queue_batches',
    help: 'Batches in the queue of a destination.',
    labelNames: ['destination', 'state'],
    registers: this.registers,
  });
  private readonly queuedRuns = new Gauge({
    name: 'rowferry_queue_runs',
    help: 'Runs in the queue of this data dir.',
    labelNames: ['state'],
    registers: this.registers,
  });
  /** What was counted since the last look: prom-client looks labels up at each step, which costs more than a row may. */
  private readonly counted = new Map<string, { steps: number; add(steps: number): void }>();
  private ofProcess = false;

  constructor() {
    this.registry.registerMetric(this.requestSeconds as unknown as Metric);
  }

  private gauge(name: string, help: string): Gauge<'destination'> {
    return new Gauge({ name, help, labelNames: ['destination'], registers: this.registers });
  }

  /** Call what it returns for each row that got its outcome. */
  ofRun(destination: string): (status: string, reason?: string) => void {
    return (status, reason = '') =>
      this.step(`rows ${destination} ${status} ${reason}`, (rows) =>
        this.rows.inc({ destination, status, reason }, rows),
      );
  }

  ofDelivery(destination: string): DeliveryMeter {
    const observe = this.requestSeconds.of(destination);
    return {
      request: (httpStatus, tookMs) => {
        const status = classOf(httpStatus);
        this.step(`requests ${destination} ${status}`, (requests) =>
          this.requests.inc({ destination, status }, requests),
        );
        observe(tookMs / 1000);
      },
      wait: (ms) => this.throttled.inc({ destination }, ms / 1000),
    };
  }

  private step(what: string, add: (steps: number) => void): void {
    const counted = this.counted.get(what);
    if (counted) counted.steps++;
    else this.counted.set(what, { steps: 1, add });
  }

  runEnded(destination: string, state: string, durationMs: number): void {
    this.runs.inc({ destination, state });
    this.runSeconds.observe({ destination }, durationMs / 1000);
  }

  /** All of it in the text format of Prometheus, with what is to be seen in Redis right now, and the process itself. */
  async expose({ destinations, runs }: Gauges): Promise<{ text: string; type: string }> {
    if (!this.ofProcess) collectDefaultMetrics({ register: this.registry });
    this.ofProcess = true;
    for (const { steps, add } of this.counted.values()) add(steps);
    this.counted.clear();
    for (const gauge of [this.paused, this.circuit, this.rate, this.budget, this.oldest, this.batches]) {
      gauge.reset();
    }
    for (const at of destinations) {
      const { destination } = at;
      this.paused.set({ destination }, at.paused ? 1 : 0);
      this.circuit.set({ destination }, at.circuit === 'open' ? 1 : 0);
      if (at.perSecond !== undefined)
        this.rate.set({ destination }, at.perSecond ?? Number.POSITIVE_INFINITY);
      if (at.budgetUsed !== undefined) this.budget.set({ destination }, at.budgetUsed);
      this.oldest.set({ destination }, at.oldestWaitingSeconds ?? 0);
      for (const [state, count] of Object.entries(at.batches))
        this.batches.set({ destination, state }, count);
    }
    for (const [state, count] of Object.entries(runs)) this.queuedRuns.set({ state }, count);
    return { text: await this.registry.metrics(), type: this.registry.contentType };
  }
}

/** A histogram by destination, as prom-client exposes one of its own. */
class RequestSeconds {
  readonly name = 'rowferry_request_duration_seconds';
  readonly help = 'From a request being handed to its connection to the end of its answer.';
  readonly type = 'histogram';
  private readonly byDestination = new Map<string, { counts: number[]; sum: number }>();

  of(destination: string): (seconds: number) => void {
    const seen = this.byDestination.get(destination) ?? {
      counts: REQUEST_SECONDS.map(() => 0).concat(0),
      sum: 0,
    };
    this.byDestination.set(destination, seen);
    return (seconds) => {
      let i = 0;
      while (i < REQUEST_SECONDS.length && seconds > REQUEST_SECONDS[i]!) i++;
      seen.counts[i]!++;
      seen.sum += seconds;
    };
  }

  async get() {
    const values = [...this.byDestination].flatMap(([destination, { counts, sum }]) => {
      let below = 0;
      const buckets = [...REQUEST_SECONDS, '+Inf'].map((le, i) => {
        below += counts[i]!;
        return { labels: { le, destination }, value: below, metricName: `${this.name}_bucket` };
      });
      return [
        ...buckets,
        { labels: { destination }, value: sum, metricName: `${this.name}_sum` },
        { labels: { destination }, value: below, metricName: `${this.name}_count` },
      ];
    });
    return { name: this.name, help: this.help, type: this.type, values, aggregator: 'sum' };
  }
}

function classOf(httpStatus: number | undefined): string {
  if (httpStatus === undefined) return 'none';
  return httpStatus === 429 ? '429' : `${Math.floor(httpStatus / 100)}xx`;
}
