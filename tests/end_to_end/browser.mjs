// Drives a browser for the tests: one JSON command per line in, one answer per line out.
// Arguments: the folder of playwright-core, and the browser's program.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [, here] = process.argv;
const [playwrightFolder, executablePath] = process.argv.slice(2);
const { chromium } = createRequire(pathToFileURL(here))(playwrightFolder);

const browser = await chromium.launch({
  executablePath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
let page;

// Runs in the page: reads the ghost text, and notes each state of it with the time.
function watchGhost() {
  window.readGhost = () => {
    const inline = [];
    const below = new Map(); // a suggestion's further lines, which are drawn in one of their own
    for (const each of document.querySelectorAll('.monaco-editor [class*="ghost-text"]')) {
      const line = each.closest('.view-line');
      if (/ghost-text-decoration/.test(each.className)) {
        inline.push(each.textContent);
      } else if (line) {
        below.set(line, line.textContent);
      }
    }
    const lines = [...below].sort(([a], [b]) => parseInt(a.style.top) - parseInt(b.style.top));
    return [inline.join(''), ...lines.map(([, text]) => text)].join('\n').replaceAll('\u00a0', ' ');
  };
  const read = window.readGhost;
  const seen = (window.ghostStates = []);
  let last = read();
  new MutationObserver(() => {
    const text = read();
    if (text !== last) {
      last = text;
      seen.push({ at: performance.timeOrigin + performance.now(), text });
    }
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
  window.keyTimes = [];
  window.addEventListener(
    'keydown',
    (event) =>
      window.keyTimes.push({ at: performance.timeOrigin + performance.now(), key: event.key }),
    true,
  );
}

async function settle() {
  await page.waitForSelector('.monaco-workbench .part.statusbar', { timeout: 120_000 });
  await page.evaluate(watchGhost);
}

const commands = {
  async open({ url, width, height }) {
    await page?.close();
    const context = await browser.newContext({ viewport: { width, height } });
    page = await context.newPage();
    await page.goto(url, { timeout: 120_000 });
    await settle();
  },
  async reload() {
    await page.reload({ timeout: 120_000 });
    await settle();
  },
  async close() {
    await page?.context().close();
    page = undefined;
  },
  resize: ({ width, height }) => page.setViewportSize({ width, height }),
  press: ({ key }) => page.keyboard.press(key),
  type: ({ text, delay }) => page.keyboard.type(text, { delay }),
  click: ({ selector, timeout }) => page.click(selector, { timeout }),
  hover: ({ selector, timeout }) => page.hover(selector, { timeout }),
  count: ({ selector }) => page.locator(selector).count(),
  texts: async ({ selector }) =>
    (await page.locator(selector).allTextContents()).map((each) => each.replaceAll('\u00a0', ' ')),
  labels: ({ selector }) =>
    page.locator(selector).evaluateAll((all) => all.map((each) => each.getAttribute('aria-label'))),
  evaluate: ({ code }) => page.evaluate(code),
  async screenshot({ path, clip }) {
    await page.screenshot({ path, clip: clip ?? undefined });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { name, ...parameters } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[name](parameters)) ?? null };
  } catch (problem) {
    answer = { problem: String(problem) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
