// The interpreter that the user has chosen in the Python extension, where there is one.

import * as vscode from 'vscode';

/** The part of the Python extension's interface that is used here (ms-python.python, 2023.4+). */
interface PythonExtension {
  environments: {
    getActiveEnvironmentPath: (resource?: vscode.Uri) => { path: string };
    resolveEnvironment: (
      path: { path: string },
    ) => Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
    onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

export class ActivePython implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private watching: vscode.Disposable | undefined;

  /** Another interpreter was chosen; told once somebody has asked for the first. */
  readonly onChange = this.changed.event;

  constructor(private readonly log: vscode.LogOutputChannel) {}

  /** The path of the interpreter; this starts the Python extension. */
  async interpreter(): Promise<string | undefined> {
    try {
      const python = await pythonExtension();
      if (!python) {
        return undefined;
      }
      const { environments } = python;
      this.watching ??= environments.onDidChangeActiveEnvironmentPath(() => this.changed.fire());
      const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
      const active = environments.getActiveEnvironmentPath(folder);
      const environment = await environments.resolveEnvironment(active);
      return environment?.executable.uri?.fsPath;
    } catch (problem) {
      this.log.warn(
        `The Python extension did not say which environment is active: ${String(problem)}`,
      );
      return undefined;
    }
  }

  dispose(): void {
    this.watching?.dispose();
    this.changed.dispose();
  }
}

async function pythonExtension(): Promise<PythonExtension | undefined> {
  // An environment inside a folder that is not trusted could hold any program.
  if (!vscode.workspace.isTrusted) {
    return undefined;
  }
  return vscode.extensions.getExtension<PythonExtension>('ms-python.python')?.activate();
}
