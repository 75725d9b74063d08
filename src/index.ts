/** The library. */
export { z } from 'zod';
export {
  type Check,
  type CheckedColumn,
  type CheckOptions,
  checkSource,
  checkTables,
  type InvalidKind,
} from './check.js';
export type { Environment } from './config.js';
export type { Contact, Identity } from './contact.js';
export type { TroubleView } from './delivery/trouble.js';
export type { Waiting } from './delivery/waiting.js';
export {
  type ApiAnswer,
  type ApiRequest,
  type Destination,
  defineDestination,
  type FieldKind,
  type Finding,
  jsonBody,
  type Options,
} from './destinations/destination.js';
export { usualVerdict } from './destinations/http/customs.js';
export { announcedWait } from './destinations/wait-hints.js';
export { normaliseEmail } from './email.js';
export { EXIT, RowferryError } from './errors.js';
export type { SourceOptions } from './intake.js';
export type { MappingSpec, Rule } from './mapping.js';
export { REASONS, type Reason, type Status } from './outcome.js';
export type { Progress } from './outcomes/progress.js';
export { type Preview, previewSource } from './preview.js';
export type { FoundRow, RowQuery, RowsPage } from './report/rows.js';
export type { Summary } from './report/summary.js';
export { openRowferry, type Rowferry, type RowferryOptions } from './rowferry.js';
export type { OnDuplicate, Rate, RunPlan, RunState } from './run.js';
export type { ScheduleView } from './runner/schedules.js';
export type { RunnerEvents, RunProgress } from './runner/session.js';
export type { DestinationView, RunView } from './runner/view.js';
export type { Verdict } from './verdict.js';
export type { WorkOptions } from './work.js';
