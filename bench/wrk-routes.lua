-- Asks for the paths of 1000 routes on 100 hosts in turn, and reports as wrk-report.lua does.
dofile(debug.getinfo(1, 'S').source:match('^@(.*/)') .. 'wrk-report.lua')

local requests = {}
local next = 0

function init()
  for route = 0, 999 do
    local headers = { Host = string.format('host-%d.example', route % 100) }
    requests[route + 1] = wrk.format('GET', string.format('/app-%d/x', route), headers)
  end
end

function request()
  next = next % 1000 + 1
  return requests[next]
end
