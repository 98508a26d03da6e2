"""The limits as a script that Valkey runs whole: nobody else's command comes between its reading and writing.

It says the same as `infra/limits/rates.py`, by the server's own clock, in whole microseconds.
"""

NOW = "local t = redis.call('TIME') local now = t[1] * 1000000 + t[2]"
"""What the script takes for the time; tests put another clock in its place."""

# ARGV: the mode (take, peek, back), then for each key seven fields: algorithm, unit, rate, cap (a window's
# quota), period, cost, extra. Extra is what a bucket gives besides, as far as it has it, or what comes back.
_HEAD = """
local mode = ARGV[1]
local n = #KEYS
local found, short = {}, false
local spare = 60000 -- milliseconds that a key outlives its debt: a clock may be set back

local function keep(i, owed, rate)
  local left_ms = math.ceil(owed / rate / 1000) + spare
  redis.call('SET', KEYS[i], string.format('%.0f %.0f', owed, now), 'PX', left_ms)
end

local function bucket(i, a)
  local unit, rate, cap = tonumber(ARGV[a+1]), tonumber(ARGV[a+2]), tonumber(ARGV[a+3])
  local cost, owed, at = tonumber(ARGV[a+5]), 0, now
  local kept = redis.call('GET', KEYS[i])
  if kept then
    local first, second = string.match(kept, '(%d+) (%d+)')
    owed, at = tonumber(first), tonumber(second)
  end
  if at > now then
    at = now
    keep(i, owed, rate)
  end
  owed = math.max(owed - (now - at) * rate, 0)
  local over = owed + cost * unit - cap
  return {owed=owed, wait=over > 0 and math.ceil(over / rate) or 0}
end

local function window(i, a)
  local quota, period, cost = tonumber(ARGV[a+3]), tonumber(ARGV[a+4]), tonumber(ARGV[a+5])
  local newest = redis.call('LINDEX', KEYS[i], -1)
  if newest and tonumber(newest) > now then
    local all = redis.call('LRANGE', KEYS[i], 0, -1)
    redis.call('DEL', KEYS[i])
    for _, at in ipairs(all) do
      redis.call('RPUSH', KEYS[i], string.format('%.0f', math.min(tonumber(at), now)))
    end
    redis.call('PEXPIRE', KEYS[i], math.ceil(period / 1000) + spare)
  end
  local oldest = redis.call('LINDEX', KEYS[i], 0)
  while oldest and tonumber(oldest) <= now - period do
    redis.call('LPOP', KEYS[i])
    oldest = redis.call('LINDEX', KEYS[i], 0)
  end
  local used, wait = redis.call('LLEN', KEYS[i]), 0
  local over = used + cost - quota
  if over > 0 and over <= used then
    wait = tonumber(redis.call('LINDEX', KEYS[i], over - 1)) - (now - period)
  end
  return {used=used, wait=wait}
end

local function settle_bucket(i, a, one)
  local unit, rate, cap, cost, extra =
    tonumber(ARGV[a+1]), tonumber(ARGV[a+2]), tonumber(ARGV[a+3]), tonumber(ARGV[a+5]), tonumber(ARGV[a+6])
  local owed, more = one.owed, 0
  if mode == 'back' then owed = math.max(owed - extra * unit, 0) end
  if mode == 'take' and not short then
    owed = owed + cost * unit
    more = math.max(math.min(extra, math.floor((cap - owed) / unit)), 0)
    owed = owed + more * unit
  end
  if mode == 'back' or (mode == 'take' and not short) then
    keep(i, owed, rate)
  end
  return math.floor((cap - owed) / unit), math.ceil(owed / rate), more
end

local function settle_window(i, a, one)
  local quota, period, cost, extra =
    tonumber(ARGV[a+3]), tonumber(ARGV[a+4]), tonumber(ARGV[a+5]), tonumber(ARGV[a+6])
  local used = one.used
  if mode == 'back' then
    for _ = 1, math.min(extra, used) do redis.call('RPOP', KEYS[i]) end
  elseif mode == 'take' and not short then
    local stamp = string.format('%.0f', now)
    for _ = 1, cost do redis.call('RPUSH', KEYS[i], stamp) end
    redis.call('PEXPIRE', KEYS[i], math.ceil(period / 1000) + spare)
    used = used + cost
  end
  local newest = redis.call('LINDEX', KEYS[i], -1)
  return quota - used, newest and tonumber(newest) + period - now or 0, 0
end
"""
_BODY = """
for i = 1, n do
  local a = 2 + (i - 1) * 7
  found[i] = ARGV[a] == 'b' and bucket(i, a) or ARGV[a] == 'w' and window(i, a)
  if found[i].wait > 0 then short = true end
end
local answer = {}
for i = 1, n do
  local a = 2 + (i - 1) * 7
  local settle = ARGV[a] == 'b' and settle_bucket or settle_window
  local remaining, reset, more = settle(i, a, found[i])
  for _, value in ipairs({remaining, reset, found[i].wait, more}) do table.insert(answer, value) end
end
return answer
"""


def script(now: str = NOW) -> str:
    """The whole script."""
    return now + _HEAD + _BODY
