/**
 * Notes that a balancer is alive, by the clock of the store, and forgets those that have not done so in time.
 * KEYS: the balancers, the version of their orders. ARGV: its id, after how many milliseconds one is forgotten. Returns how
 * many are alive, and the version.
 */
export const HEARTBEAT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
-- The clock of a store may be set back.
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + ARGV[2], '+inf')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { redis.call('ZCARD', KEYS[1]), tonumber(redis.call('GET', KEYS[2]) or 0) }
`

/**
 * Sets an order, or ends it. KEYS: the orders, their version. ARGV: of which backend, and the order; empty to end it. The
 * version is another only if something has changed.
 */
export const SET_ORDER = `
local changed
if ARGV[2] == '' then
  changed = redis.call('HDEL', KEYS[1], ARGV[1]) == 1
else
  changed = redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2]
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
if changed then redis.call('INCR', KEYS[2]) end
return 0
`

/** Upper bound of orders: all are read at once. */
export const MAX_ORDERS = 10_000

/**
 * All orders. KEYS: the orders, their version. Returns the version, and of which backend each is and the order in turn. Fails
 * if there are too many.
 */
export const ORDERS = `
if redis.call('HLEN', KEYS[1]) > ${MAX_ORDERS} then
  return redis.error_reply('there are more than ${MAX_ORDERS} orders in ' .. KEYS[1])
end
return { tonumber(redis.call('GET', KEYS[2]) or 0), redis.call('HGETALL', KEYS[1]) }
`

/**
 * Takes what a balancer has let pass from the buckets of some clients, and says what is left in each, and which share of
 * that is the balancer's: by how many requests came to each in the last ten seconds, and never less than half of an equal
 * one. It may be run twice: what has passed is counted from the start. A key that holds anything else is begun anew, so that
 * it does not fail the other clients of the message.
 *
 * KEYS: a bucket for each client. ARGV: the id of the balancer, how many there are; then for each bucket: tokens a
 * millisecond, its size, the least that it may be left with, what has passed, of that what was noted when this was answered
 * last, what was asked for, and of that what was noted. Returns what is left, and the share, of each in turn, as texts.
 */
export const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local id, count = ARGV[1], tonumber(ARGV[2])
local floor = 1 / (2 * count)
local answers = {}
local function number(text, otherwise)
  local value = tonumber(text)
  if value == nil or value ~= value or math.abs(value) == math.huge then return otherwise end
  return value
end
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 7
  local rate, size, least = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local passed, passedBefore = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local asked, askedBefore = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
  local fields = redis.pcall('HGETALL', key)
  if fields.err then
    redis.call('DEL', key)
    fields = {}
  end
  local bucket = {}
  for j = 1, #fields, 2 do bucket[fields[j]] = fields[j + 1] end

  local left = size
  if bucket.left then
    local elapsed = math.max(0, now - number(bucket.at, now))
    left = math.min(size, number(bucket.left, size) + elapsed * rate)
  end
  local noted = number(bucket['passed ' .. id], passedBefore)
  left = math.max(least, left - math.max(0, passed - noted))

  local uses, total, known = {}, 0, 0
  for field, value in pairs(bucket) do
    local other = field:match('^use (.*)$')
    if other and other ~= id then
      local since = math.max(0, now - number(bucket['used ' .. other], 0))
      if since > 30000 then
        redis.call('HDEL', key, field, 'used ' .. other, 'passed ' .. other, 'asked ' .. other)
      else
        uses[other] = math.max(0, number(value, 0)) * math.exp(-since / 10000)
      end
    end
  end
  local since = math.max(0, now - number(bucket['used ' .. id], now))
  local new = math.max(0, asked - number(bucket['asked ' .. id], askedBefore))
  local use = math.max(0, number(bucket['use ' .. id], 0)) * math.exp(-since / 10000) + new
  uses[id] = use
  for _, value in pairs(uses) do
    total = total + value
    known = known + 1
  end

  -- Those without enough use have the least share; the others divide what remains.
  local share = 1 / count
  if total > 0 then
    local low = {}
    for _ = 1, known do
      local mass, rest, poor = 1 - floor * math.max(0, count - known), 0, 0
      for other, value in pairs(uses) do
        if low[other] then poor = poor + 1 else rest = rest + value end
      end
      mass = mass - floor * poor
      local changed = false
      for other, value in pairs(uses) do
        if not low[other] and mass * value < floor * rest then
          low[other] = true
          changed = true
        end
      end
      if low[id] then share = floor elseif rest > 0 then share = mass * use / rest end
      if not changed then break end
    end
  end

  redis.call('HSET', key, 'left', tostring(left), 'at', tostring(now), 'use ' .. id, tostring(use),
    'used ' .. id, tostring(now), 'passed ' .. id, tostring(passed), 'asked ' .. id, tostring(asked))
  redis.call('PEXPIRE', key, math.ceil(size / rate) + 30000)
  answers[2 * i - 1] = tostring(left)
  answers[2 * i] = tostring(share)
end
return answers
`
