-- GET of paths drawn from a file of them (the first argument): a path, and behind tabs its headers.
require "summary"

local requests = {}

function init(args)
    for line in io.lines(args[1]) do
        local path, rest = line:match("^([^\t]+)(.*)$")
        local headers = {}
        for name, value in rest:gmatch("\t([^:\t]+): ([^\t]+)") do
            headers[name] = value
        end
        requests[#requests + 1] = wrk.format("GET", path, headers)
    end
end

function request()
    return requests[math.random(#requests)]
end
