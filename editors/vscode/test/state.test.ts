import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contextReport, shownState, type State } from '../src/state';

const READY: State = {
  life: 'running',
  problem: '',
  status: { busy: false, kind: 'Normal', message: 'smollm2-135m: 40 ms' },
  explanation: { reason: 'shown', message: 'A suggestion was given.', model: 'smollm2-135m' },
  lastLatency: 40,
  isEnabled: true,
  isEnabledHere: true,
  snoozedUntil: undefined,
  language: 'python',
};

function all(changes: Partial<State>): string {
  const shown = shownState({ ...READY, ...changes });
  return [shown.text, ...shown.lines, shown.emphasis].join('\n');
}

test('when ready it names language, model and latency', () => {
  assert.match(all({}), /sparkle.*python · smollm2-135m · last suggestion in 40 ms\nnone/s);
});

test('while it works it turns', () => {
  assert.match(all({ status: { busy: true, kind: 'Normal', message: '' } }), /loading~spin/);
});

test('it says why there was nothing', () => {
  const explanation = { reason: 'unsure', message: 'The model is not sure enough.' };
  assert.match(all({ explanation }), /\$\(dash\).*Nothing the last time: The model is not sure/s);
});

test('each way of being off has its own sentence', () => {
  assert.match(all({ isEnabled: false, isEnabledHere: false }), /switched off\./);
  assert.match(all({ isEnabledHere: false }), /switched off for python\./);
  assert.match(all({ snoozedUntil: Date.now() }), /snoozing until \d\d:\d\d\./);
  assert.match(all({ life: 'stopped' }), /stopped\./);
});

test('a language that is on while all others are off is not called off', () => {
  assert.doesNotMatch(all({ isEnabled: false, isEnabledHere: true }), /switched off/);
});

test('what needs the user stands out', () => {
  assert.match(all({ life: 'missing', problem: 'not found' }), /not found.*\nwarning$/s);
  assert.match(all({ life: 'failed', problem: 'did not start' }), /did not start.*\nerror$/s);
  const status = { busy: false, kind: 'Warning', message: 'No model is installed.' } as const;
  assert.match(all({ status }), /No model is installed\..*\nwarning$/s);
});

test('a process that is being started again is no warning', () => {
  const status = { busy: true, kind: 'Warning', message: 'is being started again' } as const;
  assert.match(all({ status }), /none$/);
});

test('the report has every fact, and lists as lists', () => {
  const report = contextReport({
    reason: 'shown',
    message: 'A suggestion was given.',
    promptTokens: 117,
    excerpts: [{ path: 'a.py', lines: 3 }],
  });
  assert.match(report, /^- prompt tokens: 117$/m);
  assert.match(report, /## excerpts\n\n- \{"path":"a.py","lines":3\}/);
});

test('the report names the other files that the model was shown something of, and why', () => {
  const told = { reason: 'shown', message: 'A suggestion was given.' };
  const shownFiles = [{ path: 'lib/rows.py', reasons: ['defines Row', 'is imported'] }];
  assert.match(contextReport({ ...told, shownFiles }), /^- `lib\/rows.py`: defines Row, is imported$/m);
  assert.match(contextReport({ ...told, shownFiles: [] }), /## Code from other files\n\nNone/);
});
