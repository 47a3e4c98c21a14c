// How the server can be installed on this machine. No VS Code in here.

import * as path from 'node:path';
import { executableName, type Machine, onPath, scriptsFolder } from './finding';

export interface WayToInstall {
  label: string;
  detail: string;
  /** Command lines, to be run one after the other. */
  steps: string[][];
}

/** What there is to do it with; none where there is not even Python. */
export function waysToInstall(
  machine: Machine,
  source: string,
  ownEnvironment: string,
): WayToInstall[] {
  const ways: WayToInstall[] = [];
  const pipx = onPath(machine, 'pipx');
  if (pipx) {
    const steps = [[pipx.command, 'install', '--force', source]];
    ways.push({ label: '$(package) With pipx', detail: `pipx install --force ${source}`, steps });
  }
  const uv = onPath(machine, 'uv');
  if (uv) {
    const steps = [[uv.command, 'tool', 'install', '--force', source]];
    ways.push({ label: '$(package) With uv', detail: `uv tool install --force ${source}`, steps });
  }
  const python = onPath(machine, 'python3') ?? onPath(machine, 'python');
  if (python) {
    const pip = path.join(
      scriptsFolder(ownEnvironment, machine.platform),
      executableName('pip', machine.platform),
    );
    ways.push({
      label: "$(package) Into an environment of the extension's own",
      detail: `python -m venv, pip install ${source}`,
      steps: [
        [python.command, '-m', 'venv', ownEnvironment],
        [pip, 'install', '--upgrade', source],
      ],
    });
  }
  return ways;
}

/** What to expect of the ways, or what to do where there is none. */
export function whatToExpect(ways: WayToInstall[]): string {
  return ways.length > 0
    ? 'Compiles llama.cpp and fetches a model of about 100 MB: takes some minutes, once'
    : 'Nothing to install with: pipx, uv and Python are not on PATH. Install Python 3.10 or later';
}
