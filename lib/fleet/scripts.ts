/**
 * Notes that a balancer is alive, by the clock of the store, and forgets those that have not done so in time.
 * KEYS: the balancers. ARGV: its id, after how many milliseconds one is forgotten. Returns how many are alive.
 */
export const HEARTBEAT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
`

/**
 * Takes what a balancer has let pass from the buckets of some clients, and says what is left in each, and which share of
 * that is the balancer's: by how many requests came to each in the last ten seconds, and never less than half of an equal
 * one. It may be run twice: what has passed is counted from the start.
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
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 7
  local rate, size, least = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local passed, passedBefore = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local asked, askedBefore = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
  local fields = redis.call('HGETALL', key)
  local bucket = {}
  for j = 1, #fields, 2 do bucket[fields[j]] = fields[j + 1] end

  local left = size
  if bucket.left then left = math.min(size, bucket.left + math.max(0, now - bucket.at) * rate) end
  local noted = tonumber(bucket['passed ' .. id] or passedBefore)
  left = math.max(least, left - math.max(0, passed - noted))

  local uses, total, known = {}, 0, 0
  for field, value in pairs(bucket) do
    local other = field:match('^use (.*)$')
    if other and other ~= id then
      local since = now - tonumber(bucket['used ' .. other] or 0)
      if since > 30000 then
        redis.call('HDEL', key, field, 'used ' .. other, 'passed ' .. other, 'asked ' .. other)
      else
        uses[other] = value * math.exp(-since / 10000)
      end
    end
  end
  local since = now - tonumber(bucket['used ' .. id] or now)
  local new = math.max(0, asked - tonumber(bucket['asked ' .. id] or askedBefore))
  local use = tonumber(bucket['use ' .. id] or 0) * math.exp(-since / 10000) + new
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
