// One server for this window: starting it, asking it, and outliving its end.

import { type ChildProcess, spawn } from 'node:child_process';
import * as os from 'node:os';
import * as vscode from 'vscode';
import type { LanguageClient, Middleware } from 'vscode-languageclient/node';
import { findTabwright, isExecutable, type Machine } from './finding';
import { Restarts } from './restarts';
import type { Explanation, Life, ServerStatus } from './state';

/** The documents that the server is told of; it decides what to do about each. */
export const SELECTOR = ['file', 'untitled', 'vscode-notebook-cell'].map((scheme) => ({ scheme }));

// How long nothing must be answered before the server is asked what came of the last request.
const SETTLE_MILLISECONDS = 300;

const PATIENCE_WITH_THE_END_MILLISECONDS = 8000;

export class Server implements vscode.Disposable {
  life: Life = 'stopped';
  problem = '';
  status: ServerStatus | undefined;
  explanation: Explanation | undefined;
  lastLatency: number | undefined;

  private client: LanguageClient | undefined;
  private child: ChildProcess | undefined;
  private readonly restarts = new Restarts();
  /** Called when the server ends; only until it has started. */
  private noteFirstEnd: (() => void) | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  private settling: NodeJS.Timeout | undefined;
  private turn: Promise<void> = Promise.resolve();

  /** The life or the status has changed. */
  readonly onChange = this.changed.event;

  constructor(
    readonly log: vscode.LogOutputChannel,
    private readonly ownEnvironment: string,
    private readonly activePython: () => Promise<string | undefined>,
    private readonly middleware: Middleware,
  ) {}

  get isRunning(): boolean {
    return this.client?.isRunning() ?? false;
  }

  /** The names of the commands that the server has. */
  get commands(): string[] {
    return this.client?.initializeResult?.capabilities.executeCommandProvider?.commands ?? [];
  }

  /** Find the command and start it; what goes wrong is in `life` and `problem`. */
  start(): Promise<void> {
    return this.inTurn(() => this.startNow());
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.stopNow());
  }

  /** Stop the server and start it again, also after it gave up. */
  restart(): Promise<void> {
    return this.inTurn(async () => {
      this.restarts.forget();
      await this.stopNow();
      await this.startNow();
    });
  }

  /** Run a command of the server; undefined when there is none to run it. */
  async execute<Answer>(command: string, ...args: unknown[]): Promise<Answer | undefined> {
    if (!this.client?.isRunning()) {
      return undefined;
    }
    const params = { command, arguments: args };
    return this.client.sendRequest<Answer>('workspace/executeCommand', params);
  }

  notify(method: string, params: object): void {
    if (this.client?.isRunning()) {
      this.client.sendNotification(method, params).catch((problem: unknown) => {
        this.log.debug(`${method} was not sent: ${String(problem)}`);
      });
    }
  }

  /** Ask what came of the last request. */
  async explain(): Promise<Explanation | undefined> {
    this.explanation = await this.execute<Explanation>('tabwright.explain');
    if (this.explanation?.reason === 'shown') {
      this.lastLatency = this.explanation.milliseconds;
    }
    this.changed.fire();
    return this.explanation;
  }

  /** Settings have changed: what was said of them before need not be so any more. */
  forgetOutcome(): void {
    this.explanation = undefined;
    if (this.status?.kind === 'Inactive') {
      this.status = undefined;
    }
    this.changed.fire();
  }

  /** Ask what came of the last request, once no other has come for a moment. */
  explainSoon(): void {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.explain().catch((problem: unknown) => {
        this.log.debug(`No explanation: ${String(problem)}`);
      });
    }, SETTLE_MILLISECONDS);
  }

  dispose(): Promise<void> {
    clearTimeout(this.settling);
    return this.stop();
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(work, work);
    return this.turn;
  }

  private async startNow(): Promise<void> {
    if (this.client) {
      return;
    }
    const setting = vscode.workspace.getConfiguration('tabwright').get('path', '');
    this.setLife('starting');
    const found = await findTabwright(
      thisMachine(),
      { setting, ownEnvironment: this.ownEnvironment },
      this.activePython,
    );
    if (!found) {
      const problem = setting
        ? `the setting tabwright.path names no program: ${setting}`
        : 'the `tabwright` command was not found. Click to install it.';
      this.log.warn(problem);
      this.setLife('missing', problem);
      return;
    }
    this.log.info(`Starting ${found.command}, found by ${found.by}.`);
    const client = await this.makeClient(found.command);
    this.client = client;
    const firstEnd = new Promise<never>((_, reject) => {
      this.noteFirstEnd = () => reject(new Error('it ended before it said anything'));
    });
    try {
      // A program that ends at once may leave the client waiting for an answer.
      await Promise.race([client.start(), firstEnd]);
      this.noteFirstEnd = undefined;
    } catch (problem) {
      this.log.error(`The server did not start: ${String(problem)}`);
      this.client = undefined;
      this.noteFirstEnd = undefined;
      void client.dispose().catch(() => undefined);
      this.setLife('failed', `\`${found.command} serve\` did not start; the log says why.`);
      return;
    }
    this.setLife('running');
  }

  private async stopNow(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.status = undefined;
    this.explanation = undefined;
    // One that has ended by itself cannot be stopped, and needs not.
    await client?.dispose().catch(() => undefined);
    const child = this.child;
    this.child = undefined;
    // It ends by itself when its client is gone; one that hangs is ended.
    setTimeout(() => child?.kill(), PATIENCE_WITH_THE_END_MILLISECONDS).unref();
    this.setLife('stopped');
  }

  private async makeClient(command: string): Promise<LanguageClient> {
    const level = vscode.workspace.getConfiguration('tabwright').get('logLevel', 'warning');
    // Loaded by now only: the library is most of this extension, and would hold up its activation.
    const { QuietClient, State } = await import('./client');
    const client: LanguageClient = new QuietClient(
      () => this.spawn(command, ['serve', '--log-level', level]),
      SELECTOR,
      this.log,
      this.middleware,
      () => client === this.client && this.mayStartAgain(),
    );
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Running && client === this.client) {
        this.setLife('running'); // also where the client has started it again by itself
      }
    });
    client.onNotification('didChangeStatus', (status: ServerStatus) => {
      this.takeStatus(status);
    });
    return client;
  }

  private spawn(command: string, args: string[]): Promise<ChildProcess> {
    const child = spawn(command, args, { cwd: os.homedir() });
    this.child = child;
    // The library need not notice the end of a program that ends before it is spoken to. The server
    // before this one may end late, which says nothing of this one.
    const noteEnd = (): void => {
      if (child === this.child) {
        this.noteFirstEnd?.();
      }
    };
    child.once('error', noteEnd);
    child.once('exit', noteEnd);
    return Promise.resolve(child);
  }

  /** The server has ended, and nobody asked it to. */
  private mayStartAgain(): boolean {
    if (this.noteFirstEnd) {
      this.noteFirstEnd();
      return false;
    }
    if (this.restarts.mayStartAgain(Date.now())) {
      this.log.warn('The server ended; it is started again.');
      this.setLife('starting');
      return true;
    }
    this.log.error('The server ended too often; it stays down until it is restarted by hand.');
    this.client = undefined;
    this.setLife('failed', 'the server ended too often. Click to restart it.');
    return false;
  }

  private takeStatus(status: ServerStatus): void {
    this.status = status;
    this.changed.fire();
  }

  private setLife(life: Life, problem = ''): void {
    this.life = life;
    this.problem = problem;
    this.changed.fire();
  }
}

function thisMachine(): Machine {
  return { platform: process.platform, env: process.env, home: os.homedir(), isExecutable };
}
