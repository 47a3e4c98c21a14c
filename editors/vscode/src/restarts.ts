// Whether a server that has ended is to be started again. No VS Code in here.

const WINDOW_MILLISECONDS = 180_000;
const MOST_IN_WINDOW = 3;

export class Restarts {
  private times: number[] = [];

  /** Note an end that nobody asked for; false when there were too many of late. */
  mayStartAgain(now: number): boolean {
    this.times = this.times.filter((each) => now - each < WINDOW_MILLISECONDS);
    this.times.push(now);
    return this.times.length <= MOST_IN_WINDOW;
  }

  forget(): void {
    this.times = [];
  }
}
