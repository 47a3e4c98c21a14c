-- The parts of a suggestion that can be accepted by themselves.

local M = {}

-- Return the first word of a text with what stands before it: signs, or a line break and the
-- indentation after it. A word is what 'iskeyword' makes one in the current buffer.
function M.word(text)
  local before = text:match('^[ \t]*\n%s*') or ''
  local line = text:sub(#before + 1):match('^[^\n]*')
  return before .. vim.fn.matchstr(line, [[^\%(\k\@!.\)*\k*]])
end

-- Return the first line of a text, or at the end of a line the whole next one.
function M.line(text)
  return text:match('^%s*[^\n]*')
end

return M
