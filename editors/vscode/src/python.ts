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

const EXTENSION = 'ms-python.python';

export async function activePython(log: vscode.LogOutputChannel): Promise<string | undefined> {
  try {
    const python = await pythonExtension();
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const active = python?.environments.getActiveEnvironmentPath(folder);
    const environment = active && (await python?.environments.resolveEnvironment(active));
    return environment?.executable.uri?.fsPath;
  } catch (problem) {
    log.warn(`The Python extension did not say which environment is active: ${String(problem)}`);
    return undefined;
  }
}

/** Call back when another environment is chosen; only once the Python extension is in use. */
export function onOtherPython(callback: () => void): vscode.Disposable {
  const extension = vscode.extensions.getExtension<PythonExtension>(EXTENSION);
  return extension?.isActive
    ? extension.exports.environments.onDidChangeActiveEnvironmentPath(callback)
    : new vscode.Disposable(() => undefined);
}

async function pythonExtension(): Promise<PythonExtension | undefined> {
  // An environment inside a folder that is not trusted could hold any program.
  if (!vscode.workspace.isTrusted) {
    return undefined;
  }
  return vscode.extensions.getExtension<PythonExtension>(EXTENSION)?.activate();
}
