// Where the `tabwright` command may be. No VS Code in here.

import * as fs from 'node:fs';
import * as path from 'node:path';

export interface Machine {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  home: string;
  isExecutable: (file: string) => boolean;
}

export interface Found {
  command: string;
  /** How it was found, to be shown to the user. */
  by: string;
}

export interface Hints {
  /** The setting `tabwright.path`, empty when it is not set. */
  setting: string;
  /** A folder of the extension's own, in which it may have installed Tabwright. */
  ownEnvironment: string;
}

export function executableName(name: string, platform: NodeJS.Platform): string {
  return platform === 'win32' ? `${name}.exe` : name;
}

export function scriptsFolder(environment: string, platform: NodeJS.Platform): string {
  return path.join(environment, platform === 'win32' ? 'Scripts' : 'bin');
}

/** The command that the user has set: a wrong one is an error and not a reason to take another. */
export function fromSetting(machine: Machine, setting: string): Found | undefined {
  const command = expandHome(setting.trim(), machine.home);
  if (!path.isAbsolute(command)) {
    return onPath(machine, command, 'the setting tabwright.path, on PATH');
  }
  return machine.isExecutable(command)
    ? { command, by: 'the setting tabwright.path' }
    : undefined;
}

export function onPath(machine: Machine, name: string, by = 'PATH'): Found | undefined {
  const folders = (machine.env['PATH'] ?? machine.env['Path'] ?? '').split(
    machine.platform === 'win32' ? ';' : ':',
  );
  for (const folder of folders) {
    // A relative folder would mean another one in each workspace.
    const file = path.join(folder, executableName(name, machine.platform));
    if (path.isAbsolute(folder) && machine.isExecutable(file)) {
      return { command: file, by };
    }
  }
  return undefined;
}

/** The command beside the interpreter of a Python environment. */
export function besidePython(machine: Machine, python: string): Found | undefined {
  const file = path.join(path.dirname(python), executableName('tabwright', machine.platform));
  return machine.isExecutable(file)
    ? { command: file, by: 'the active Python environment' }
    : undefined;
}

/** The folders of pipx, uv and the extension itself, which need not be on an editor's PATH. */
export function inToolFolders(machine: Machine, ownEnvironment: string): Found | undefined {
  const { env, home, platform } = machine;
  const local = path.join(home, '.local');
  const share = env['XDG_DATA_HOME'] ?? path.join(local, 'share');
  const scripts = (environment: string): string => scriptsFolder(environment, platform);
  const pipxHomes = env['PIPX_HOME']
    ? [env['PIPX_HOME']]
    : [path.join(share, 'pipx'), path.join(local, 'pipx'), path.join(home, 'pipx')];
  const uvTools =
    env['UV_TOOL_DIR'] ??
    (platform === 'win32' && env['APPDATA']
      ? path.join(env['APPDATA'], 'uv', 'tools')
      : path.join(share, 'uv', 'tools'));
  const candidates: [string, string | undefined][] = [
    ['pipx', env['PIPX_BIN_DIR']],
    ...pipxHomes.map((each): [string, string] => [
      'pipx',
      scripts(path.join(each, 'venvs', 'tabwright')),
    ]),
    ['uv', env['UV_TOOL_BIN_DIR'] ?? env['XDG_BIN_HOME']],
    ['uv', scripts(path.join(uvTools, 'tabwright'))],
    [path.join('~', '.local', 'bin'), path.join(local, 'bin')],
    ["the extension's own environment", scripts(ownEnvironment)],
  ];
  for (const [by, folder] of candidates) {
    const file = folder && path.join(folder, executableName('tabwright', platform));
    if (file && machine.isExecutable(file)) {
      return { command: file, by };
    }
  }
  return undefined;
}

/**
 * Find the command: the setting alone where there is one, else PATH, the active Python
 * environment, pipx, uv, and what the extension has installed.
 */
export async function findTabwright(
  machine: Machine,
  hints: Hints,
  activePython: () => Promise<string | undefined>,
): Promise<Found | undefined> {
  if (hints.setting.trim() !== '') {
    return fromSetting(machine, hints.setting);
  }
  const found = onPath(machine, 'tabwright');
  if (found) {
    return found;
  }
  const python = await activePython();
  return (
    (python && besidePython(machine, python)) || inToolFolders(machine, hints.ownEnvironment)
  );
}

export function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

function expandHome(file: string, home: string): string {
  return file === '~' || /^~[\\/]/.test(file) ? path.join(home, file.slice(1)) : file;
}
