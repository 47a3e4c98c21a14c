import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findTabwright, type Found, type Machine } from '../src/finding';

const OWN = '/home/u/.config/Code/environment';

async function found(
  files: string[],
  { setting = '', env = {}, python }: { setting?: string; env?: Machine['env']; python?: string } = {},
): Promise<Found | undefined> {
  const machine: Machine = {
    platform: 'linux',
    env: { PATH: '/usr/local/bin:/usr/bin', ...env },
    home: '/home/u',
    isExecutable: (file) => files.includes(file),
  };
  return findTabwright(machine, { setting, ownEnvironment: OWN }, async () => python);
}

test('nothing is found where there is nothing', async () => {
  assert.equal(await found([]), undefined);
});

test('PATH comes before everything else but the setting', async () => {
  const files = ['/usr/bin/tabwright', '/venv/bin/tabwright', '/home/u/.local/bin/tabwright'];
  assert.equal((await found(files, { python: '/venv/bin/python' }))?.command, '/usr/bin/tabwright');
  assert.equal(
    (await found(files, { setting: '/venv/bin/tabwright' }))?.command,
    '/venv/bin/tabwright',
  );
});

test('a wrong setting is not silently replaced by another program', async () => {
  assert.equal(await found(['/usr/bin/tabwright'], { setting: '/nowhere/tabwright' }), undefined);
});

test('the setting may begin with the home folder or be a name on PATH', async () => {
  assert.equal((await found(['/home/u/t'], { setting: '~/t' }))?.command, '/home/u/t');
  assert.equal((await found(['/usr/bin/tw'], { setting: 'tw' }))?.command, '/usr/bin/tw');
});

test('a relative folder on PATH is passed over', async () => {
  assert.equal(await found(['bin/tabwright'], { env: { PATH: 'bin:.' } }), undefined);
});

for (const [by, file, env] of [
  ['the active Python environment', '/venv/bin/tabwright', {}],
  ['pipx', '/home/u/.local/share/pipx/venvs/tabwright/bin/tabwright', {}],
  ['pipx', '/opt/pipx/venvs/tabwright/bin/tabwright', { PIPX_HOME: '/opt/pipx' }],
  ['pipx', '/opt/bin/tabwright', { PIPX_BIN_DIR: '/opt/bin' }],
  ['uv', '/home/u/.local/share/uv/tools/tabwright/bin/tabwright', {}],
  ['uv', '/tools/tabwright/bin/tabwright', { UV_TOOL_DIR: '/tools' }],
  ['~/.local/bin', '/home/u/.local/bin/tabwright', {}],
  ["the extension's own environment", `${OWN}/bin/tabwright`, {}],
] as const) {
  test(`${file} is found, by ${by}`, async () => {
    assert.deepEqual(await found([file], { env, python: '/venv/bin/python' }), {
      command: file,
      by,
    });
  });
}
