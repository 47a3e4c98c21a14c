// The part of the interface of ms-python.python that is used by others: `environments`.

const vscode = require('vscode');

exports.activate = () => {
  const changed = new vscode.EventEmitter();
  const chosen = () => vscode.workspace.getConfiguration('python').get('defaultInterpreterPath');
  vscode.workspace.onDidChangeConfiguration((event) => {
    if (event.affectsConfiguration('python.defaultInterpreterPath')) {
      changed.fire({ path: chosen() });
    }
  });
  return {
    environments: {
      getActiveEnvironmentPath: () => ({ path: chosen() }),
      resolveEnvironment: async ({ path }) => ({ executable: { uri: vscode.Uri.file(path) } }),
      onDidChangeActiveEnvironmentPath: changed.event,
    },
  };
};
