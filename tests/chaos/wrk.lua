-- Calls drawn from a file of them (the first argument), each a line: method, path, and a body or
-- nothing, with tabs between.
-- Who is told 503 comes again after a second, as Retry-After says. Prints one line of JSON.
local calls, threads = {}, {}

function setup(thread)
    threads[#threads + 1] = thread
end

function init(arguments)
    good, refused, other, turned_away = 0, 0, 0, 0
    for line in io.lines(arguments[1]) do
        local method, path, body = line:match("^(%S+)\t(%S+)\t?(.*)$")
        local headers = {["Host"] = "chaos"}
        if body == "" then
            body = nil
        else
            headers["Content-Type"] = "application/json"
        end
        calls[#calls + 1] = wrk.format(method, path, headers, body)
    end
end

function request()
    return calls[math.random(#calls)]
end

-- wrk asks before each request. It doesn't say for which connection, but as many pause as were told to.
function delay()
    if turned_away == 0 then
        return 0
    end
    turned_away = turned_away - 1
    return 1000
end

function response(status)
    if status < 300 then
        good = good + 1
    elseif status == 503 then
        refused, turned_away = refused + 1, turned_away + 1
    else
        other = other + 1
    end
end

function done(summary, latency)
    local errors, sums = summary.errors, {good = 0, refused = 0, other = 0}
    for _, thread in ipairs(threads) do
        for name, sum in pairs(sums) do
            sums[name] = sum + thread:get(name)
        end
    end
    io.write(string.format(
        '{"good":%d,"refused":%d,"other":%d,"seconds":%.6f,"p50":%.6f,"p99":%.6f,"longest":%.6f,"broken":%d}\n',
        sums.good, sums.refused, sums.other, summary.duration / 1e6, latency:percentile(50) / 1e6,
        latency:percentile(99) / 1e6, latency.max / 1e6, errors.connect + errors.read + errors.write + errors.timeout))
end
