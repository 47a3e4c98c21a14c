import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Machine } from '../src/finding';
import { type WayToInstall, waysToInstall, whatToExpect } from '../src/waysToInstall';

function ways(programs: string[], source = 'tabwright'): WayToInstall[] {
  const machine: Machine = {
    platform: 'linux',
    env: { PATH: '/usr/bin' },
    home: '/home/u',
    isExecutable: (file) => programs.includes(file.replace('/usr/bin/', '')),
  };
  return waysToInstall(machine, source, '/own');
}

test('each program that can install is a way, and says what it will run', () => {
  const found = ways(['pipx', 'uv', 'python3'], '/a/clone');
  assert.deepEqual(
    found.map(({ steps }) => steps.map((words) => words.join(' '))),
    [
      ['/usr/bin/pipx install --force /a/clone'],
      ['/usr/bin/uv tool install --force /a/clone'],
      ['/usr/bin/python3 -m venv /own', '/own/bin/pip install --upgrade /a/clone'],
    ],
  );
  for (const { detail } of found) {
    assert.match(detail, /install.* \/a\/clone$/);
  }
  assert.match(whatToExpect(found), /takes some minutes/);
});

test('Python does not need to be called python3', () => {
  assert.equal(ways(['python'])[0]?.steps[0]?.[0], '/usr/bin/python');
});

test('where nothing can install it is said what is missing', () => {
  assert.deepEqual(ways([]), []);
  assert.match(whatToExpect([]), /pipx, uv and Python are not on PATH\. Install Python 3\.10/);
});
