-- One passenger by an id drawn from a file of them (the first argument). A second argument paces the load: each
-- connection then waits up to that many milliseconds before it asks again.
require "summary"

local requests = {}
local pause

function init(args)
    for id in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format("GET", "/getpassenger/" .. id)
    end
    pause = tonumber(args[2])
    if pause then
        delay = function() return math.random(0, pause) end
    end
end

function request()
    return requests[math.random(#requests)]
end
