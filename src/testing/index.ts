/** `rowferry/testing`: the exam for destinations of one's own. */
export { type ExamCase, ExamFailed, type ExamResult, examCases, testDestination } from './exam.js';
export type {
  BulkFixtures,
  CreateFixtures,
  ExpectedRequest,
  ExpectedVerdict,
  FixtureAnswer,
  Fixtures,
  LookupFixtures,
  Some,
  UpdateFixtures,
} from './fixtures.js';
