-- The generic cell rate algorithm (ITU-T I.371), on the time of the server, in microseconds.
-- KEYS[1]: when the whole burst is there again. ARGV: the time between two units, how many are in a
-- burst, how many are asked for, how far ahead a slot may be.
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local units, patience = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local from = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local first = from - now - (burst - 1) * interval
local granted = 0
if patience >= first then
  granted = math.min(units, math.floor((patience - first) / interval) + 1)
end
if granted > 0 then
  local full = from + granted * interval
  redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000) + 1)
end
return {granted, first}
