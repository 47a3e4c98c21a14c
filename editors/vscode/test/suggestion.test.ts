import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShownSuggestion } from '../src/suggestion';

const URI = 'file:///a.py';

function shown(text: string, skipped = ''): ShownSuggestion {
  return new ShownSuggestion(URI, 100, text, skipped + text, skipped.length);
}

const insert = (offset: number, inserted: string) => ({ offset, removed: 0, inserted });

test('typing along keeps it and is no acceptance', () => {
  const suggestion = shown('rn left');
  assert.equal(suggestion.follow(insert(100, 'r')), 'typed');
  assert.equal(suggestion.follow(insert(101, 'n')), 'typed');
  assert.equal(suggestion.rest, ' left');
  assert.ok(suggestion.saysTheSame(URI, 102, ' left'));
});

test('a word at once is a partial acceptance, counted from the start of the item', () => {
  const suggestion = shown('rn left + right', 're');
  assert.equal(suggestion.follow(insert(100, 'rn')), 'partlyAccepted');
  assert.equal(suggestion.acceptedLength, 4);
  assert.equal(suggestion.follow(insert(102, ' left')), 'partlyAccepted');
  assert.equal(suggestion.acceptedLength, 9);
});

test('the last part is the whole', () => {
  assert.equal(shown('rn').follow(insert(100, 'rn')), 'whole');
});

test('another text, another place or a removal elsewhere ends it', () => {
  assert.equal(shown('rn').follow(insert(100, 'x')), 'elsewhere');
  assert.equal(shown('rn').follow(insert(99, 'r')), 'elsewhere');
  assert.equal(shown('rn').follow({ offset: 50, removed: 2, inserted: '' }), 'elsewhere');
  assert.equal(shown('rn').follow({ offset: 98, removed: 2, inserted: 'rn' }), 'elsewhere');
});

test('Backspace goes back through what was typed, and no further', () => {
  const suggestion = shown('rn left');
  suggestion.follow(insert(100, 'r'));
  assert.equal(suggestion.follow({ offset: 100, removed: 1, inserted: '' }), 'typed');
  assert.ok(suggestion.saysTheSame(URI, 100, 'rn left'));
  assert.equal(suggestion.follow({ offset: 99, removed: 1, inserted: '' }), 'elsewhere');
});

test('a line end of two units counts as one of the item and two of the document', () => {
  const suggestion = shown('a:\n    b\n    c');
  assert.equal(suggestion.follow(insert(100, 'a:\r\n    b')), 'partlyAccepted');
  assert.equal(suggestion.acceptedLength, 8);
  assert.ok(suggestion.saysTheSame(URI, 109, '\n    c'));
});

test('an emoji counts as two', () => {
  const suggestion = shown('🦊 = fox');
  assert.equal(suggestion.follow(insert(100, '🦊 =')), 'partlyAccepted');
  assert.equal(suggestion.acceptedLength, 4);
});

test('a pair that the editor types by itself is no acceptance', () => {
  assert.equal(shown('()\n').follow(insert(100, '()')), 'typed');
});
