// Tabwright for VS Code: starts the server, forwards settings, shows things. No logic lives here.

import * as path from 'node:path';
import * as vscode from 'vscode';
import { Completing } from './completing';
import { Cursor } from './cursor';
import { Installing } from './installing';
import { registerCommands } from './menu';
import { ActivePython } from './python';
import { SELECTOR, Server } from './server';
import { StatusBar } from './statusBar';
import { Switches } from './switches';

// Settings that are read when the server starts.
const RESTARTING_SETTINGS = ['tabwright.path', 'tabwright.logLevel'];

// Run by the key bindings after VS Code's own command, see package.json.
const NOTE_ACCEPTED = 'tabwright.noteAccepted';

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Tabwright', { log: true });
  const ownEnvironment = path.join(context.globalStorageUri.fsPath, 'environment');
  const switches = new Switches();
  const python = new ActivePython(log);
  const completing = new Completing(
    () => switches.isAsleep,
    (document, position) => cursor.noteAsked(document, position),
    () => running.explainSoon(),
    (method, params) => running.notify(method, params),
  );
  const running = new Server(
    log,
    ownEnvironment,
    () => python.interpreter(),
    completing.middleware,
  );
  const cursor = new Cursor(
    SELECTOR,
    () => switches.isAsleep,
    (document, position) => {
      running.notify('tabwright/didMoveCursor', {
        textDocument: { uri: document.uri.toString() },
        position: { line: position.line, character: position.character },
      });
    },
  );
  server = running;
  let wasRunning = false;
  context.subscriptions.push(
    log,
    python,
    switches,
    cursor,
    new StatusBar(running, switches),
    ...registerCommands(running, switches, new Installing(running, ownEnvironment)),
    vscode.workspace.onDidChangeTextDocument((event) => completing.noteChange(event)),
    vscode.commands.registerCommand(NOTE_ACCEPTED, () => completing.noteAcceptedByKey()),
    vscode.workspace.onDidGrantWorkspaceTrust(() => startIfMissing(running)),
    python.onChange(() => startIfMissing(running)),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (RESTARTING_SETTINGS.some((name) => event.affectsConfiguration(name))) {
        void running.restart();
      } else if (event.affectsConfiguration('tabwright')) {
        running.forgetOutcome();
      }
    }),
    running.onChange(() => {
      if (running.isRunning && !wasRunning) {
        cursor.noteArrived();
      }
      wasRunning = running.isRunning;
    }),
  );
  // Not waited for: the editor has more to do while the server starts.
  void running.start();
}

export async function deactivate(): Promise<void> {
  await server?.dispose();
}

function startIfMissing(running: Server): void {
  if (running.life === 'missing') {
    void running.start();
  }
}
