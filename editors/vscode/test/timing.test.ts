import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Restarts } from '../src/restarts';
import { Throttle } from '../src/throttle';

test('the first call is made at once, and the last of several after the interval', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let calls = 0;
  const throttle = new Throttle(100, () => {
    calls++;
    return true;
  });
  throttle.request();
  throttle.request();
  throttle.request();
  assert.equal(calls, 1);
  mock.timers.tick(100);
  assert.equal(calls, 2);
  mock.timers.tick(1000);
  assert.equal(calls, 2);
  mock.timers.reset();
});

test('a call that did nothing makes the next one wait for nothing', () => {
  let calls = 0;
  const throttle = new Throttle(100, () => {
    calls++;
    return false;
  });
  throttle.request();
  throttle.request();
  assert.equal(calls, 2);
});

test('a server that ends again and again is left alone, until some time has passed', () => {
  const restarts = new Restarts();
  assert.deepEqual(
    [0, 1, 2, 3].map((second) => restarts.mayStartAgain(second * 1000)),
    [true, true, true, false],
  );
  assert.equal(restarts.mayStartAgain(600_000), true);
  restarts.forget();
  assert.equal(restarts.mayStartAgain(600_001), true);
});
