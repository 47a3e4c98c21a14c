// The menu of the status bar's item, and the commands behind it.

import * as vscode from 'vscode';
import type { Installing } from './installing';
import type { Server } from './server';
import { contextReport } from './state';
import type { Switches } from './switches';

interface Entry extends vscode.QuickPickItem {
  command?: string;
}

interface Model {
  id: string;
  name: string;
  installed: boolean;
}

interface Answer {
  ok: boolean;
  message?: string;
}

const SPECIALIZE = 'tabwright.specializeWorkspace';
const REPORT_SCHEME = 'tabwright-report';

export function registerCommands(
  server: Server,
  switches: Switches,
  installing: Installing,
): vscode.Disposable[] {
  const report = new Report();
  const commands: Record<string, () => unknown> = {
    'tabwright.menu': () => showMenu(server, switches),
    'tabwright.toggle': () => switches.toggle(),
    'tabwright.toggleLanguage': () => toggleLanguage(switches),
    'tabwright.snooze': () => snooze(switches),
    'tabwright.chooseModel': () => chooseModel(server),
    'tabwright.fetchModel': () => fetchModel(server),
    'tabwright.whyNothing': () => whyNothing(server),
    'tabwright.showLastContext': () => showLastContext(server, report),
    'tabwright.restartServer': () => server.restart(),
    'tabwright.openSettings': () =>
      vscode.commands.executeCommand('workbench.action.openSettings', '@ext:tabwright.tabwright'),
    'tabwright.openLog': () => server.log.show(),
    'tabwright.install': () => installing.offer(),
    'tabwright.specialize': () => specialize(server, false),
    'tabwright.unspecialize': () => specialize(server, true),
  };
  return [
    vscode.workspace.registerTextDocumentContentProvider(REPORT_SCHEME, report),
    ...Object.entries(commands).map(([name, command]) =>
      vscode.commands.registerCommand(name, command),
    ),
  ];
}

async function showMenu(server: Server, switches: Switches): Promise<void> {
  const entries = server.life === 'running' ? menuWhileRunning(server, switches) : menuWhileDown(server);
  const chosen = await vscode.window.showQuickPick(entries, {
    title: 'Tabwright',
    placeHolder: server.problem || server.status?.message || '',
  });
  if (chosen?.command) {
    await vscode.commands.executeCommand(chosen.command);
  }
}

function menuWhileDown(server: Server): Entry[] {
  const install = { label: '$(cloud-download) Install Tabwright…', command: 'tabwright.install' };
  const restart = { label: '$(debug-restart) Start the server', command: 'tabwright.restartServer' };
  return [
    ...(server.life === 'missing' ? [install, restart] : [restart, install]),
    ...lastEntries(),
  ];
}

function menuWhileRunning(server: Server, switches: Switches): Entry[] {
  const language = vscode.window.activeTextEditor?.document.languageId;
  const entries: Entry[] = [
    {
      label: switches.isEnabled ? '$(circle-slash) Switch off' : '$(check) Switch on',
      command: 'tabwright.toggle',
    },
  ];
  if (language) {
    const isOn = switches.isEnabledFor(language);
    entries.push({
      label: isOn ? `$(circle-slash) Switch off for ${language}` : `$(check) Switch on for ${language}`,
      command: 'tabwright.toggleLanguage',
    });
  }
  entries.push(
    {
      label: switches.isAsleep ? '$(bell) Wake up' : '$(bell-slash) Snooze…',
      command: 'tabwright.snooze',
    },
    { label: '$(question) Why was there nothing?', command: 'tabwright.whyNothing' },
    { label: '$(list-tree) Which context was used?', command: 'tabwright.showLastContext' },
    { label: '$(arrow-swap) Switch the model…', command: 'tabwright.chooseModel' },
    { label: '$(cloud-download) Fetch a model…', command: 'tabwright.fetchModel' },
  );
  if (server.commands.includes(SPECIALIZE)) {
    entries.push({ label: '$(mortar-board) Specialise this workspace…', command: 'tabwright.specialize' });
  }
  entries.push({ label: '$(debug-restart) Restart', command: 'tabwright.restartServer' });
  return [...entries, ...lastEntries()];
}

function lastEntries(): Entry[] {
  return [
    { label: '', kind: vscode.QuickPickItemKind.Separator },
    { label: '$(gear) Settings', command: 'tabwright.openSettings' },
    { label: '$(output) Log', command: 'tabwright.openLog' },
  ];
}

async function toggleLanguage(switches: Switches): Promise<void> {
  const language = vscode.window.activeTextEditor?.document.languageId;
  if (language) {
    await switches.toggleFor(language);
  } else {
    say('open a file first: the switch is for its language.');
  }
}

async function snooze(switches: Switches): Promise<void> {
  if (switches.isAsleep) {
    switches.snooze(0);
    return;
  }
  const times = [5, 15, 60, 240].map((minutes) => ({
    label: minutes < 60 ? `${minutes} minutes` : minutes === 60 ? '1 hour' : `${minutes / 60} hours`,
    minutes,
  }));
  const chosen = await vscode.window.showQuickPick(times, {
    title: 'Tabwright',
    placeHolder: 'No suggestions, except by hand, for',
  });
  if (chosen) {
    switches.snooze(chosen.minutes);
  }
}

async function chooseModel(server: Server): Promise<void> {
  const models = ((await server.execute<Model[]>('tabwright.listModels')) ?? []).filter(
    (model) => model.installed,
  );
  const entries = [
    { label: 'auto', description: 'the best one installed' },
    ...models.map((model) => ({ label: model.id, description: model.name })),
  ];
  const chosen = await vscode.window.showQuickPick(entries, {
    title: 'Tabwright',
    placeHolder: 'The model, until the settings change',
  });
  if (chosen) {
    await run(server, 'tabwright.switchModel', `The model is now ${chosen.label}`, chosen.label);
  }
}

async function fetchModel(server: Server): Promise<void> {
  const models = (await server.execute<Model[]>('tabwright.listModels')) ?? [];
  const entries = models.map((model) => ({
    label: model.id,
    description: model.installed ? `${model.name} (installed)` : model.name,
  }));
  const chosen = await vscode.window.showQuickPick(entries, {
    title: 'Tabwright',
    placeHolder: 'The model to fetch; this uses the network',
  });
  if (chosen) {
    await run(server, 'tabwright.pullModel', `${chosen.label} is installed`, chosen.label);
  }
}

/**
 * Have a model made for a workspace folder, or taken back. The server shows the progress, with a
 * button that stops it, and answers when all is over: that can be half an hour.
 */
async function specialize(server: Server, remove: boolean): Promise<void> {
  const folder = await chooseFolder();
  if (!folder) {
    return;
  }
  const wishes = remove ? { remove } : { minutes: await chooseMinutes() };
  if (!remove && wishes.minutes === undefined) {
    return;
  }
  const answer = await server.execute<Answer>(SPECIALIZE, folder.uri.toString(), wishes);
  if (answer?.ok) {
    say(answer.message ?? 'done.');
  } else {
    const why = answer ? answer.message : server.problem || 'the server is not running.';
    void vscode.window.showErrorMessage(`Tabwright: ${why ?? 'that did not work.'}`);
  }
}

async function chooseFolder(): Promise<vscode.WorkspaceFolder | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0) {
    say('open a folder first: a model is made for its code.');
    return undefined;
  }
  return folders.length === 1 ? folders[0] : vscode.window.showWorkspaceFolderPick();
}

async function chooseMinutes(): Promise<number | undefined> {
  const times = [20, 5, 60].map((minutes) => ({
    label: minutes < 60 ? `${minutes} minutes` : `${minutes / 60} hour`,
    minutes,
  }));
  const chosen = await vscode.window.showQuickPick(times, {
    title: 'Tabwright',
    placeHolder: 'How long to learn from this workspace, on this machine alone',
  });
  return chosen?.minutes;
}

async function whyNothing(server: Server): Promise<void> {
  const explanation = await server.explain();
  const answer = explanation?.message || server.problem || 'the server is not running.';
  const open = 'Which context was used?';
  const chosen = await vscode.window.showInformationMessage(`Tabwright: ${answer}`, open);
  if (chosen === open) {
    await vscode.commands.executeCommand('tabwright.showLastContext');
  }
}

async function showLastContext(server: Server, report: Report): Promise<void> {
  const explanation = await server.explain();
  if (!explanation) {
    say(server.problem || 'the server is not running.');
    return;
  }
  const uri = report.take(contextReport(explanation));
  await vscode.window.showTextDocument(uri, { preview: true });
}

/** Run a command of the server, and say what came of it. */
async function run(server: Server, command: string, done: string, argument?: string): Promise<void> {
  const args = argument === undefined ? [] : [argument];
  const answer = await server.execute<Answer>(command, ...args);
  if (!answer) {
    say(server.problem || 'the server is not running.');
  } else if (answer.ok) {
    say(`${done}.`);
  } else {
    void vscode.window.showErrorMessage(`Tabwright: ${answer.message ?? 'that did not work.'}`);
  }
}

function say(message: string): void {
  void vscode.window.showInformationMessage(`Tabwright: ${message}`);
}

/** A page to read, which is no file and asks nobody to save it. */
class Report implements vscode.TextDocumentContentProvider {
  private readonly uri = vscode.Uri.from({ scheme: REPORT_SCHEME, path: 'Last suggestion.md' });
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private text = '';

  take(text: string): vscode.Uri {
    this.text = text;
    this.changed.fire(this.uri);
    return this.uri;
  }

  provideTextDocumentContent(): string {
    return this.text;
  }
}
