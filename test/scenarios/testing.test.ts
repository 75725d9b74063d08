/** `rowferry/testing` as somebody has it who installed the package: by its name, in plain JavaScript. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const SCRIPT = `
import { testDestination } from 'rowferry/testing';
try {
  await testDestination({ kind: 'crm' }, {});
} catch ({ code, message, results }) {
  console.log(JSON.stringify({ code, message, results }));
}
`;

test('the package brings the exam', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  });
  expect(JSON.parse(stdout)).toMatchObject({
    code: 'EXAM_FAILED',
    message: expect.stringContaining(
      'crm fails 1 of 1 cases:\n- contract: expected options.safeParse',
    ) as string,
    results: [{ name: 'contract', ok: false }],
  });
});
