-- A new passenger from the file that the first argument names.
require "summary"

function init(args)
    local file = assert(io.open(args[1]))
    wrk.method = "POST"
    wrk.path = "/postpassenger"
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = file:read("*a")
    file:close()
end
