// Installing the server, on the user's click only: by pipx, by uv, or into an environment of the
// extension's own.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { findTabwright, isExecutable, type Machine } from './finding';
import type { Server } from './server';
import { type WayToInstall, waysToInstall, whatToExpect } from './waysToInstall';

export class Installing {
  constructor(
    private readonly server: Server,
    private readonly ownEnvironment: string,
  ) {}

  /** Let the user choose how, do it, and start the server. */
  async offer(): Promise<void> {
    const source = vscode.workspace.getConfiguration('tabwright').get('installFrom', 'tabwright');
    const ways = waysToInstall(thisMachine(), source, this.ownEnvironment);
    const choose: vscode.QuickPickItem = {
      label: '$(folder-opened) It is installed already: choose the program…',
      detail: 'Sets tabwright.path.',
    };
    const chosen = await vscode.window.showQuickPick<vscode.QuickPickItem | WayToInstall>([...ways, choose], {
      title: 'Install Tabwright',
      placeHolder: whatToExpect(ways),
    });
    if (chosen === choose) {
      await this.chooseProgram();
    } else if (chosen && 'steps' in chosen) {
      await this.install(chosen);
    }
  }

  private async chooseProgram(): Promise<void> {
    const [chosen] = (await vscode.window.showOpenDialog({ title: 'The tabwright program' })) ?? [];
    if (chosen) {
      await vscode.workspace
        .getConfiguration('tabwright')
        .update('path', chosen.fsPath, vscode.ConfigurationTarget.Global);
    }
  }

  private async install(way: WayToInstall): Promise<void> {
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: 'Installing Tabwright',
      cancellable: true,
    };
    const problem = await vscode.window.withProgress(options, async (progress, token) => {
      await fs.mkdir(path.dirname(this.ownEnvironment), { recursive: true });
      for (const step of way.steps) {
        const failure = await this.run(step, progress, token);
        if (failure) {
          return failure;
        }
      }
      const found = await findTabwright(
        thisMachine(),
        { setting: '', ownEnvironment: this.ownEnvironment },
        () => Promise.resolve(undefined),
      );
      if (!found) {
        return 'it ended well, but the tabwright command is not where it should be.';
      }
      return this.run([found.command, 'models', 'pull'], progress, token);
    });
    // What is there now may work even where fetching the model did not.
    await this.server.restart();
    if (problem) {
      const open = 'Open the log';
      const answer = await vscode.window.showErrorMessage(
        `Tabwright could not be installed: ${problem}`,
        open,
      );
      if (answer === open) {
        this.server.log.show();
      }
    }
  }

  /** Run a program and log what it says; the answer is what went wrong. */
  private run(
    [command = '', ...args]: string[],
    progress: vscode.Progress<{ message?: string }>,
    token: vscode.CancellationToken,
  ): Promise<string | undefined> {
    const name = path.basename(command);
    this.server.log.info(`> ${[command, ...args].join(' ')}`);
    progress.report({ message: [name, ...args].join(' ') });
    return new Promise((resolve) => {
      const child = spawn(command, args, { cwd: os.homedir(), stdio: ['ignore', 'pipe', 'pipe'] });
      const cancelling = token.onCancellationRequested(() => child.kill());
      const take = (data: Buffer): void => {
        for (const line of data.toString().split(/[\r\n]+/)) {
          if (line.trim() !== '') {
            this.server.log.info(line);
          }
        }
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      const end = (problem: string | undefined): void => {
        cancelling.dispose();
        resolve(problem);
      };
      child.on('error', (problem) => end(problem.message));
      child.on('close', (code) => {
        if (token.isCancellationRequested) {
          end('it was cancelled.');
        } else {
          end(code === 0 ? undefined : `${name} ended with status ${code ?? 'unknown'}.`);
        }
      });
    });
  }
}

function thisMachine(): Machine {
  return { platform: process.platform, env: process.env, home: os.homedir(), isExecutable };
}
